"""The canary against real hubs: what it says when all is well, and what when something is not."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from sse_hub.commands.canary import CanaryPlan, Report, run_canary
from tests.integration.tampering import Tamper, tampering_proxy
from tests.rig import (
    DEADLINE_SECONDS,
    PATIENCE,
    ROOT,
    STOP_SECONDS,
    HubProcess,
    RedisServer,
    at_scale,
    free_port,
    hub_process,
    redis_server,
    wait_until,
)

FAULTS = ("missing", "duplicated", "reordered", "altered")
# For how long a canary looks for what is not there: an answer that says why has to come within it.
AWHILE = str(0.5 * PATIENCE)
RATE = at_scale(1_000, 2_000)


@contextmanager
def canary_process(*options: str) -> Iterator[subprocess.Popen[str]]:
    """`sse-hub canary` in a process of its own, killed at the end of the block."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SSE_HUB_", "REDIS_URL"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "sse_hub.cli", "canary", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def canary(*options: str) -> tuple[int, str, str]:
    """Exit status, output and errors of a `sse-hub canary`."""
    with canary_process(*options) as process:
        output, errors = process.communicate(timeout=DEADLINE_SECONDS)
        return process.returncode, output, errors


class Watched:
    """A canary that runs until end(). `reports` are those it has made so far, `latest` the last."""

    def __init__(self, **plan: Any) -> None:
        self.reports: list[Report] = []
        self._stopping = asyncio.Event()
        said = self.reports.append
        everything: dict[str, Any] = {"seconds": None, "every_seconds": 0.05, "lines_per_second": RATE, **plan}
        self._task = asyncio.create_task(run_canary(CanaryPlan(**everything), self._stopping, said))

    async def until(self, condition: Callable[[Report], bool], what: str) -> Report:
        """The first report from now on for which `condition` holds."""
        seen = len(self.reports)

        def found() -> bool:
            assert not self._task.done(), f"the canary has ended before: {what}"
            return any(condition(report) for report in self.reports[seen:])

        await asyncio.to_thread(wait_until, found, what)
        return next(report for report in self.reports[seen:] if condition(report))

    async def go_on(self) -> Report:
        """A report with some more lines received, and every reader connected."""
        before = self.reports[-1].received if self.reports else 0
        return await self.until(lambda r: r.received > before + 100 and r.connected == r.clients, "lines go on")

    async def end(self) -> Report:
        self._stopping.set()
        return await self._task


def faults(report: Report) -> dict[str, int]:
    return {name: getattr(report, name) for name in FAULTS if getattr(report, name)}


def test_all_is_well(server: RedisServer, hub: HubProcess, channel: str) -> None:
    plan = ("--url", hub.url, "--redis-url", server.publisher_url, "--channel", channel)

    status, output, _ = canary(*plan, "--seconds", "1", "--rate", "400", "--clients", "3", "--json")

    found = json.loads(output)
    assert (status, found["verdict"], found["final"]) == (0, "ok", True)
    assert 200 < found["published"] <= 401
    assert found["received"] == 3 * found["published"]
    assert {found[name] for name in (*FAULTS, "told", "unsure", "waiting", "errors", "reconnects")} == {0}
    assert 0 < found["p50_ms"] <= found["p90_ms"] <= found["p99_ms"] <= found["max_ms"] < 2000


@pytest.mark.parametrize("line_bytes", [100, 70_000])
async def test_lines_of_any_size_arrive_as_they_were_published(
    server: RedisServer, hub: HubProcess, channel: str, line_bytes: int
) -> None:
    plan = CanaryPlan(
        urls=(hub.url,), redis_url=server.publisher_url, channel=channel, line_bytes=line_bytes, seconds=1.0
    )

    report = await run_canary(plan, asyncio.Event(), lambda _: None)

    assert (report.exit_status, faults(report)) == (0, {})
    assert report.received == report.published >= 10


async def test_a_line_that_the_hub_cuts_is_altered(server: RedisServer, channel: str) -> None:
    with hub_process(server.url, "--line-bytes", "1000") as hub:
        plan = CanaryPlan(
            urls=(hub.url,), redis_url=server.publisher_url, channel=channel, line_bytes=2_000, seconds=0.5
        )

        report = await run_canary(plan, asyncio.Event(), lambda _: None)

    assert report.exit_status == 1
    assert faults(report) == {"altered": report.published}


async def test_readers_that_cut_themselves_resume_at_other_hubs(
    server: RedisServer, hub: HubProcess, other_hub: HubProcess, channel: str
) -> None:
    watched = Watched(
        urls=(hub.url, other_hub.url),
        redis_url=server.publisher_url,
        channel=channel,
        clients=4,
        reconnect_every_seconds=0.5,
    )
    await watched.until(lambda report: report.reconnects >= 8, "each has been on both hubs")

    report = await watched.end()

    assert (report.exit_status, faults(report), report.errors) == (0, {}, 0)
    assert report.received == 4 * report.published


async def test_a_hub_that_is_killed_and_started_anew_tells_what_was_lost(channel: str) -> None:
    """With nobody else to record meanwhile."""
    with redis_server() as server, hub_process(server.url) as hub:
        watched = Watched(urls=(hub.url,), redis_url=server.publisher_url, channel=channel)
        await watched.go_on()
        hub.process.kill()
        hub.process.wait()
        await watched.until(lambda report: report.errors > 0 and not report.connected, "the stream is lost")
        with hub_process(server.url, port=hub.port):
            await watched.go_on()
            report = await watched.end()

    assert faults(report) == {}
    assert report.exit_status == 3
    assert (report.reconnects, report.gaps) == (1, 1)
    assert report.received + report.told == report.published


async def test_a_run_that_ends_while_the_hub_is_away_waits_for_its_gap(channel: str) -> None:
    """Nothing is published after the gap, and the lines before it are told all the same."""
    with redis_server() as server, hub_process(server.url) as hub:
        watched = Watched(
            urls=(hub.url,), redis_url=server.publisher_url, channel=channel, drain_seconds=DEADLINE_SECONDS
        )
        await watched.go_on()
        hub.process.kill()
        hub.process.wait()
        await watched.until(lambda report: report.waiting > 100, "lines are lost")
        ending = asyncio.create_task(watched.end())
        with hub_process(server.url, port=hub.port):
            report = await ending

    assert faults(report) == {}
    assert report.exit_status == 3
    assert report.told > 100


async def test_sessions_that_redis_cuts_cost_only_lines_that_are_told() -> None:
    with redis_server() as server, hub_process(server.url) as hub, server.client() as client:
        watched = Watched(urls=(hub.url,), redis_url=server.publisher_url, clients=2)
        for cuts in range(1, 6):
            await watched.go_on()
            client.client_kill_filter(_type="pubsub")
            await watched.until(lambda report, cuts=cuts: report.gaps >= 2 * cuts, "both are told")  # type: ignore[misc]
        await watched.go_on()
        report = await watched.end()

    assert faults(report) == {}
    assert (report.gaps, report.reconnects, report.errors, report.unsure) == (10, 0, 0, 0)
    assert report.received + report.told == 2 * report.published


async def test_the_publisher_outlives_its_connection_a_frozen_redis_and_a_new_one() -> None:
    with redis_server() as server, hub_process(server.url) as hub:
        watched = Watched(urls=(hub.url,), redis_url=server.publisher_url)
        await watched.go_on()
        with server.client() as client:
            client.client_kill_filter(_type="normal", skipme=True)
        await watched.go_on()
        server.freeze()
        await watched.until(lambda report: report.unsure > 0, "no answer came in time")
        server.thaw()
        await watched.go_on()
        server.process.kill()
        server.process.wait()
        await asyncio.to_thread(wait_until, lambda: not hub.ready(), "not ready")
        with redis_server(port=server.port):
            await watched.go_on()
            report = await watched.end()

    assert faults(report) == {}
    assert report.received + report.told >= report.published
    assert report.received > 400


TAMPERS: dict[str, Tamper] = {
    "missing": lambda one, other: [one],
    "duplicated": lambda one, other: [one, other, other],
    "reordered": lambda one, other: [other, one],
    "altered": lambda one, other: [one, other.replace(b"\\u00e9", b"\xc3\xa9")],
}


@pytest.mark.parametrize("fault", TAMPERS)
async def test_a_proxy_that_tampers_with_lines_is_found_out(
    server: RedisServer, hub: HubProcess, channel: str, fault: str
) -> None:
    async with tampering_proxy(hub.url, TAMPERS[fault]) as proxy:
        watched = Watched(urls=(proxy.url,), redis_url=server.publisher_url, channel=channel)
        await watched.until(lambda report: report.received > 1000, "some lines were tampered with")
        report = await watched.end()

    assert report.exit_status == 1
    assert faults(report) == {fault: proxy.tampered}
    assert proxy.tampered >= 9


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_for_ever_ends_on_a_signal_with_a_final_report(
    server: RedisServer, hub: HubProcess, channel: str, stop: signal.Signals
) -> None:
    plan = ("--url", hub.url, "--redis-url", server.publisher_url, "--channel", channel)

    with canary_process(*plan, "--forever", "--every", "0.2") as process:
        assert process.stdout
        first = process.stdout.readline()
        process.send_signal(stop)
        rest, _ = process.communicate(timeout=STOP_SECONDS)

    assert first.startswith("ok final=no ")
    last = rest.splitlines()[-1]
    assert last.startswith("ok final=yes ")
    assert " p50_ms=" in last
    assert process.returncode == 0


def test_a_hub_that_is_not_there_is_named_with_the_reason(server: RedisServer) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    status, output, errors = canary("--url", url, "--redis-url", server.publisher_url, "--drain", AWHILE)

    assert (status, output) == (1, "")
    assert f"no stream began: {url}/message" in errors
    assert "refused" in errors or "Connect call failed" in errors
    assert "Traceback" not in errors


def test_an_address_that_is_no_hub_is_named_with_what_it_answers(server: RedisServer, hub: HubProcess) -> None:
    status, _, errors = canary("--url", f"{hub.url}/elsewhere", "--redis-url", server.publisher_url, "--drain", AWHILE)

    assert status == 1
    assert "it answers 404 Not Found" in errors


def test_a_redis_that_is_not_there_is_named_with_the_reason(hub: HubProcess) -> None:
    port = free_port()

    status, _, errors = canary("--url", hub.url, "--redis-url", f"redis://127.0.0.1:{port}/0", "--drain", AWHILE)

    assert status == 1
    assert "Redis can't be reached" in errors
    assert str(port) in errors
    assert "Traceback" not in errors


def test_the_manual_names_all_the_rights_it_needs(server: RedisServer, hub: HubProcess, channel: str) -> None:
    with server.client() as client:
        client.execute_command("ACL SETUSER", "canary", "on", ">secret", "+publish", "resetchannels", f"&{channel}")
    url = server.url.replace("//", "//canary:secret@")

    plan = ("--url", hub.url, "--redis-url", url, "--seconds", "0.5")

    with ThreadPoolExecutor(1) as pool:
        allowing = pool.submit(canary, *plan, "--channel", channel)
        refused, output, errors = canary(*plan)
        allowed, _, _ = allowing.result()
    unknown, _, about_password = canary("--redis-url", url.replace("secret", "wrong"), "--drain", AWHILE)

    assert allowed == 0
    assert (refused, output, unknown) == (1, "", 1)
    assert "No line was published. Redis can't be reached, or refuses: " in errors
    assert "no permissions" in errors.lower()
    assert "invalid username-password pair" in about_password
    assert "secret" not in errors


def test_a_password_in_the_address_of_the_hub_is_not_shown(server: RedisServer) -> None:
    url = f"http://me:secret@127.0.0.1:{free_port()}"

    _, output, errors = canary("--url", url, "--redis-url", server.publisher_url, "--drain", AWHILE)

    assert "http://127.0.0.1:" in errors
    assert "secret" not in output + errors


def test_a_redis_that_the_hub_does_not_read_is_suspected(hub: HubProcess, channel: str) -> None:
    options = ("--channel", channel, "--seconds", "0.5", "--drain", "2")

    with redis_server() as elsewhere:
        status, output, errors = canary("--url", hub.url, "--redis-url", elsewhere.url, *options)

    assert status == 1
    assert output.startswith("wrong ")
    assert "does the hub read from this Redis" in errors
    assert "nobody subscribes to it there" in errors


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--url", "hub:8091"),
        ("--url", "http://"),
        ("--redis-url", "http://x"),
        ("--redis-url", "redis://x/0?socket_timeout=y"),
        ("--rate", "0"),
        ("--size", "10"),
        ("--channel", "a b"),
        ("--channel", "sse-hub:fence"),
    ],
)
def test_an_option_that_can_not_be_used_is_a_usage_error(option: str, value: str) -> None:
    status, _, errors = canary(option, value)

    assert status == 2
    # The URL of a Redis may have a password in it.
    assert (option if option == "--redis-url" else value) in errors
    assert "Traceback" not in errors
