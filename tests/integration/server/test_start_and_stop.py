"""How a hub stops, and how it refuses to start."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.http_client import fetch
from tests.support.programs import clean_environ
from tests.support.reconnecting_clients import beside_stuck_client
from tests.support.servers import HubProcess, RedisServer, free_port, hub_process
from tests.support.settings import DEADLINE_SECONDS, PATIENCE, ROOT
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

STREAMS = 100
GONE_SECONDS = 2.0 * PATIENCE


async def seconds_to_end(hub: HubProcess, sent: signal.Signals = signal.SIGTERM) -> float:
    """Send a signal. Returns the seconds until the process has ended."""
    started = time.monotonic()
    hub.process.send_signal(sent)
    await asyncio.to_thread(hub.process.wait, DEADLINE_SECONDS)
    return time.monotonic() - started


@pytest.mark.parametrize(
    ("sent", "workers"), [(signal.SIGTERM, 1), (signal.SIGHUP, 1), (signal.SIGHUP, 2), (signal.SIGQUIT, 1)]
)
async def test_a_signal_to_stop_sends_every_stream_a_retry_and_ends_it_cleanly(
    server: RedisServer, channel: str, sent: signal.Signals, workers: int
) -> None:
    """I9, R11: a terminal that closes sends SIGHUP, which ended the hub at once, without a drain."""
    with hub_process(server.url, "--workers", str(workers)) as hub:
        async with AsyncExitStack() as stack:
            url = f"{hub.url}/message?channel={channel}"
            streams = [await stack.enter_async_context(open_stream(url)) for _ in range(STREAMS)]
            with server.client() as client:
                client.publish(channel, "last words")
            resting = asyncio.gather(*(stream.rest() for stream in streams))

            seconds = await seconds_to_end(hub, sent)
            events = await resting

    assert hub.process.returncode == 0
    assert seconds < GONE_SECONDS
    assert all(stream.ended_cleanly for stream in streams)
    assert [[event.json for event in each] for each in events] == [[{"info": "last words"}]] * STREAMS
    retries = {stream.decoder.retry_ms for stream in streams}
    assert all(retry and 1000 <= retry <= 3000 for retry in retries)
    assert len(retries) > STREAMS / 4, "clients must not all reconnect at the same moment"


async def test_further_signals_to_stop_do_not_cut_the_drain_short(server: RedisServer, channel: str) -> None:
    """I9: systemd may send SIGHUP right after SIGTERM, and a shell and the kernel may send SIGHUP twice."""
    with hub_process(server.url, "--drain-seconds", "600") as hub:
        async with open_stream(f"{hub.url}/message?channel={channel}"):
            hub.process.terminate()
            await asyncio.to_thread(wait_until, lambda: hub.status("/health/ready") == 503, "the hub drains")
            for _ in range(2):
                hub.process.send_signal(signal.SIGHUP)
                hub.process.send_signal(signal.SIGQUIT)
            assert hub.status("/health/live") == 200
            hub.process.terminate()
            await asyncio.to_thread(hub.process.wait, DEADLINE_SECONDS)

    assert hub.process.returncode == 0


def test_a_hub_started_with_nohup_survives_its_terminal(server: RedisServer) -> None:
    """I9."""
    command = ["nohup", sys.executable, str(ROOT / "run.py"), "--port", str(port := free_port())]
    environ = clean_environ() | {"REDIS_URL": server.url}
    hub = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process = HubProcess(port, hub, Path(os.devnull))
        process.wait_ready()
        hub.send_signal(signal.SIGHUP)
        assert process.ready()
        assert hub.poll() is None
    finally:
        hub.terminate()
        hub.wait(DEADLINE_SECONDS)


async def test_curl_sees_a_clean_end_when_the_hub_stops(server: RedisServer, channel: str) -> None:
    with hub_process(server.url) as hub:
        curl = await asyncio.create_subprocess_exec(
            "curl", "-sS", "-N", f"{hub.url}/message?channel={channel}", stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert curl.stdout
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert (await curl.stdout.readline()).startswith(b"id: ")
            await seconds_to_end(hub)
            output, errors = await curl.communicate()

    assert (curl.returncode, errors) == (0, b"")
    end = output.decode().split("\n\n")[-2].splitlines()
    assert [line.partition(": ")[0] for line in end] == ["id", "retry", "event", "data"]


async def test_a_client_that_reads_nothing_does_not_delay_the_stop(server: RedisServer, channel: str) -> None:
    """While the hub waits for it, a new client gets `retry:` and status 200: an EventSource gives up on any other."""
    with hub_process(server.url) as hub:
        async with beside_stuck_client(server, hub, channel) as reader:
            ending = asyncio.create_task(seconds_to_end(hub))
            await asyncio.to_thread(wait_until, lambda: hub.status("/health/ready") == 503, "the hub drains")
            async with open_stream(f"{hub.url}/message?channel={channel}") as late:
                assert await late.rest() == []

            assert await ending < GONE_SECONDS
            assert await reader.rest() == []

    assert hub.process.returncode == 0
    assert reader.ended_cleanly
    assert (late.status, late.ended_cleanly) == (200, True)
    assert int(late.last_event_id.removesuffix("-0")) > 0
    assert late.decoder.retry_ms


def run_hub(*options: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python run.py` to its end, which must come soon."""
    return subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *options],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
        env=os.environ | (environ or {}),
    )


def test_a_start_on_a_taken_port_fails_and_names_the_port(hub: HubProcess, server: RedisServer) -> None:
    done = run_hub("--port", str(hub.port), "--redis-url", server.url)

    assert done.returncode == 1
    assert f"can't listen on 127.0.0.1:{hub.port}" in done.stderr
    assert "Choose another port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "environ", "named"),
    [
        (("--port", "80 91"), {}, "--port='80 91'"),
        ((), {"SSE_HUB_RING_LINES": "many"}, "SSE_HUB_RING_LINES='many'"),
        ((), {"REDIS_URL": "http://redis"}, "REDIS_URL"),
        (("--ingest", "a b$"), {}, "--ingest='a b$'"),
    ],
)
def test_a_start_with_an_invalid_setting_fails_and_names_the_setting(
    options: tuple[str, ...], environ: dict[str, str], named: str
) -> None:
    done = run_hub(*options, environ=environ)

    assert done.returncode == 1
    assert f"{named} is invalid" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "host", ["x" * 300, "a..b", "\udcff", "[::1]"], ids=["long", "empty label", "bytes", "brackets"]
)
@pytest.mark.parametrize("access", [(), ("--access", "none")], ids=["checked", "open"])
def test_a_start_on_a_host_that_is_no_name_fails_with_a_sentence(host: str, access: tuple[str, ...]) -> None:
    """R13."""
    done = run_hub("--host", host, *access)

    assert done.returncode == 1
    assert f"can't listen on {host!r}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hub_starts_in_a_locale_without_unicode(server: RedisServer) -> None:
    """R13: every file is read as UTF-8, whatever the system's encoding is."""
    with hub_process(server.url, more_environ={"LC_ALL": "C", "PYTHONUTF8": "0"}) as hub:
        assert fetch(hub, "/index").status == 200
        assert fetch(hub, "/docs").status == 200


def test_a_start_with_an_unknown_option_fails() -> None:
    done = run_hub("--prot", "1")

    assert done.returncode == 2
    assert "No such option" in done.stderr
