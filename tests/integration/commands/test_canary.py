"""The canary against real hubs: its reports when all is well, and when something is wrong."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from sse_hub.commands.canary import CanaryPlan, Report, run_canary
from tests.support.programs import clean_environ
from tests.support.servers import HubProcess, RedisServer, free_port, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, PATIENCE, ROOT, STOP_SECONDS, at_scale
from tests.support.tampering_proxy import Tamper, tampering_proxy
from tests.support.waiting import wait_until

FAULTS = ("missing", "duplicated", "reordered", "altered")
# How long a canary tries to reach a missing server: a response with the reason has to come within it.
AWHILE = str(0.5 * PATIENCE)
RATE = at_scale(1_000, 2_000)


@contextmanager
def canary_process(*options: str) -> Iterator[subprocess.Popen[str]]:
    """`sse-hub canary` in its own process, killed at the end of the block."""
    environ = clean_environ()
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
    """Exit status, output and errors of `sse-hub canary`."""
    with canary_process(*options) as process:
        output, errors = process.communicate(timeout=DEADLINE_SECONDS)
        return process.returncode, output, errors


class Watched:
    """A canary that runs until end(). `reports` has its reports so far, `latest` the last one."""

    def __init__(self, **plan: Any) -> None:
        self.reports: list[Report] = []
        self._stopping = asyncio.Event()
        said = self.reports.append
        everything: dict[str, Any] = {"seconds": None, "every_seconds": 0.05, "lines_per_second": RATE, **plan}
        self._task = asyncio.create_task(run_canary(CanaryPlan(**everything), self._stopping, said))

    async def until(self, condition: Callable[[Report], bool], what: str) -> Report:
        """The next report for which `condition` is true."""
        seen = len(self.reports)

        def found() -> bool:
            assert not self._task.done(), f"the canary ended before: {what}"
            return any(condition(report) for report in self.reports[seen:])

        await asyncio.to_thread(wait_until, found, what)
        return next(report for report in self.reports[seen:] if condition(report))

    async def go_on(self) -> Report:
        """A report after some more lines were received, with every reader connected."""
        before = self.reports[-1].received if self.reports else 0
        return await self.until(lambda r: r.received > before + 100 and r.connected == r.clients, "lines go on")

    async def end(self) -> Report:
        self._stopping.set()
        return await self._task


def faults(report: Report) -> dict[str, int]:
    return {name: getattr(report, name) for name in FAULTS if getattr(report, name)}


def test_the_canary_reports_that_all_is_well(server: RedisServer, hub: HubProcess, channel: str) -> None:
    plan = ("--url", hub.url, "--redis-url", server.publisher_url, "--channel", channel)

    status, output, _ = canary(*plan, "--seconds", "1", "--rate", "400", "--clients", "3", "--json")

    found = json.loads(output)
    assert (status, found["verdict"], found["final"]) == (0, "ok", True)
    # The seconds are rounded to tenths.
    assert 200 < found["published"] <= 400 * (found["seconds"] + 0.05) + 1
    assert found["received"] == 3 * found["published"]
    assert {found[name] for name in (*FAULTS, "told", "unsure", "waiting", "errors", "reconnects")} == {0}
    assert 0 < found["p50_ms"] <= found["p90_ms"] <= found["p99_ms"] <= found["max_ms"] < 2000 * PATIENCE


@pytest.mark.parametrize("line_bytes", [100, 70_000])
async def test_the_canary_finds_lines_of_any_size_unaltered(
    server: RedisServer, hub: HubProcess, channel: str, line_bytes: int
) -> None:
    plan = CanaryPlan(
        urls=(hub.url,), redis_url=server.publisher_url, channel=channel, line_bytes=line_bytes, seconds=1.0
    )

    report = await run_canary(plan, asyncio.Event(), lambda _: None)

    assert (report.exit_status, faults(report)) == (0, {})
    assert report.received == report.published >= 10


async def test_the_canary_reports_a_truncated_line_as_altered(server: RedisServer, channel: str) -> None:
    with hub_process(server.url, "--line-bytes", "1000") as hub:
        plan = CanaryPlan(
            urls=(hub.url,), redis_url=server.publisher_url, channel=channel, line_bytes=2_000, seconds=0.5
        )

        report = await run_canary(plan, asyncio.Event(), lambda _: None)

    assert report.exit_status == 1
    assert faults(report) == {"altered": report.published}


async def test_canary_readers_that_disconnect_resume_on_other_hubs(
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


async def test_the_canary_counts_lines_lost_by_a_killed_hub_as_reported(channel: str) -> None:
    """No other hub records meanwhile."""
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


async def test_a_canary_run_that_ends_while_the_hub_is_down_waits_for_the_gap(channel: str) -> None:
    """Nothing is published after the gap, but the lines before it still count as reported."""
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


async def test_the_canary_finds_no_unreported_loss_when_redis_cuts_sessions() -> None:
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


async def test_the_canarys_publisher_survives_cut_connections_and_a_frozen_and_a_new_redis() -> None:
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
async def test_the_canary_detects_a_proxy_that_tampers_with_lines(
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
def test_an_endless_canary_run_ends_on_a_signal_with_a_final_report(
    server: RedisServer, hub: HubProcess, channel: str, stop: signal.Signals
) -> None:
    plan = ("--url", hub.url, "--redis-url", server.publisher_url, "--channel", channel)

    with canary_process(*plan, "--forever", "--every", "0.2") as process:
        assert process.stdout
        # Reports begin before the first line is published; a run without any ends with an error instead of a report.
        while "published=0 " in (first := process.stdout.readline()):
            pass
        process.send_signal(stop)
        rest, _ = process.communicate(timeout=STOP_SECONDS)

    assert first.startswith("ok final=no ")
    last = rest.splitlines()[-1]
    assert last.startswith("ok final=yes ")
    assert " p50_ms=" in last
    assert process.returncode == 0


def test_the_canary_names_an_unreachable_hub_and_the_reason(server: RedisServer) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    status, output, errors = canary("--url", url, "--redis-url", server.publisher_url, "--drain", AWHILE)

    assert (status, output) == (1, "")
    assert f"no stream opened: {url}/message" in errors
    assert "refused" in errors or "Connect call failed" in errors
    assert "Traceback" not in errors


def test_the_canary_names_an_address_that_is_not_a_hub_and_its_response(server: RedisServer, hub: HubProcess) -> None:
    status, _, errors = canary("--url", f"{hub.url}/elsewhere", "--redis-url", server.publisher_url, "--drain", AWHILE)

    assert status == 1
    assert "it answers 404 Not Found" in errors


def test_the_canary_names_an_unreachable_redis_and_the_reason(hub: HubProcess) -> None:
    port = free_port()

    status, _, errors = canary("--url", hub.url, "--redis-url", f"redis://127.0.0.1:{port}/0", "--drain", AWHILE)

    assert status == 1
    assert "Redis is unreachable" in errors
    assert str(port) in errors
    assert "Traceback" not in errors


def test_the_manual_names_all_redis_rights_of_the_canary(server: RedisServer, hub: HubProcess, channel: str) -> None:
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
    assert "No line was published. Redis is unreachable or refuses lines: " in errors
    assert "no permissions" in errors.lower()
    assert "invalid username-password pair" in about_password
    assert "secret" not in errors


def test_the_canary_does_not_show_a_password_in_the_hubs_address(server: RedisServer) -> None:
    url = f"http://me:secret@127.0.0.1:{free_port()}"

    _, output, errors = canary("--url", url, "--redis-url", server.publisher_url, "--drain", AWHILE)

    assert "http://127.0.0.1:" in errors
    assert "secret" not in output + errors


def test_the_canary_suspects_that_hub_and_publisher_use_different_redis_servers(hub: HubProcess, channel: str) -> None:
    options = ("--channel", channel, "--seconds", "0.5", "--drain", "2")

    with redis_server() as elsewhere:
        status, output, errors = canary("--url", hub.url, "--redis-url", elsewhere.url, *options)

    assert status == 1
    assert output.startswith("wrong ")
    assert "does the hub read from this Redis" in errors
    assert "nothing is subscribed to it" in errors


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
def test_an_invalid_canary_option_is_a_usage_error(option: str, value: str) -> None:
    status, _, errors = canary(option, value)

    assert status == 2
    # A Redis URL may contain a password.
    assert (option if option == "--redis-url" else value) in errors
    assert "Traceback" not in errors
