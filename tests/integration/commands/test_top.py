"""`sse-hub top` against a hub of two workers, in a terminal and in a script."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from select import select

import pytest

from tests.support.http_client import fetch
from tests.support.servers import HubProcess, redis_server
from tests.support.settings import DEADLINE_SECONDS, ROOT, STOP_SECONDS
from tests.support.sse_client import open_stream
from tests.support.tokens import bearer, publish, stream_url, token, token_hub
from tests.support.waiting import wait_until
from tests.support.workers import WORKERS, connections_of

CHANNEL, OTHER = "app.seen", "app.hidden"


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """Two workers that accept tokens, record, and have one line of each channel."""
    keys = tmp_path_factory.mktemp("keys")
    with redis_server() as server, token_hub(server.url, keys, "--workers", str(WORKERS)) as hub:
        wait_until(lambda: "is running" in hub.output, "all workers serve")
        publisher = bearer(publish=["app.*"])
        for channel in (CHANNEL, OTHER):
            wait_until(lambda: publish(hub, channel, {}, publisher).status == 200, "a line is recorded")  # noqa: B023
        yield hub


def looking(hub: HubProcess, text: str, *words: str) -> list[str]:
    """The command line for `hub` with the token `text`."""
    return [sys.executable, "-m", "sse_hub.cli", "top", "--url", hub.url, "--token", text, *words]


def once(hub: HubProcess, text: str) -> list[str]:
    """What it prints in one run."""
    command = subprocess.run(
        looking(hub, text, "--once"), capture_output=True, timeout=DEADLINE_SECONDS, cwd=ROOT, check=True
    )
    assert command.stderr == b""
    return command.stdout.decode().splitlines()


async def test_top_shows_an_operator_the_totals_of_all_workers(two_workers: HubProcess) -> None:
    text = token(subscribe=["app.*"], operate=True)
    async with AsyncExitStack() as stack:
        count = 0
        while count < 4 or 0 in connections_of(two_workers).values():
            stream = open_stream(stream_url(two_workers, f"channel={CHANNEL}"), bearer(subscribe=["app.*"]))
            await stack.enter_async_context(stream)
            count += 1
        lines = once(two_workers, text)

    assert re.fullmatch(r"ready   Redis connected   recording   fence \d\.\d s ago   log \d\.\d s behind", lines[0])
    assert lines[1] == f"{count} streams   2 channels   in 0/s   out 0/s   recorded 0/s"
    assert lines[2].startswith("gaps 0   slow closed 0   Redis errors 0   waiting 0.0 MB")
    assert sorted(line.split()[0] for line in lines[5:]) == [OTHER, CHANNEL]


def test_top_shows_other_users_their_channels_and_whether_lines_are_recorded(two_workers: HubProcess) -> None:
    lines = once(two_workers, token(subscribe=[CHANNEL]))

    assert fetch(two_workers, "/metrics", headers=bearer(subscribe=[CHANNEL])).status == 403
    assert lines[0] == "ready   Redis connected   recording   fence ? ago   log ? behind"
    assert lines[1] == "? streams   1 channels   in ?   out ?   recorded ?"
    assert [line.split()[0] for line in lines[5:]] == [CHANNEL]


def test_top_refreshes_in_a_terminal_until_ctrl_c(two_workers: HubProcess) -> None:
    terminal, its_end = pty.openpty()
    command = looking(two_workers, token(subscribe=["app.*"], operate=True), "--every", "0.2")
    with subprocess.Popen(command, stdin=its_end, stdout=its_end, stderr=its_end, cwd=ROOT) as process:
        os.close(its_end)
        try:
            shown = b""
            # The second refresh has rates.
            while not re.search(rb"out \d+/s", shown):
                assert select([terminal], [], [], DEADLINE_SECONDS)[0], shown
                shown += os.read(terminal, 65536)
            process.send_signal(signal.SIGINT)
            assert process.wait(STOP_SECONDS) == 0
        finally:
            process.kill()
            os.close(terminal)

    assert shown.count(b"\x1b[H\x1b[J") >= 2
    assert b"Redis connected   recording" in shown


def test_top_reports_an_address_that_is_not_a_hub_in_one_line() -> None:
    command = [sys.executable, "-m", "sse_hub.cli", "top", "--url", "http://127.0.0.1:9", "--once"]
    ended = subprocess.run(command, capture_output=True, timeout=DEADLINE_SECONDS, cwd=ROOT, check=False)

    assert ended.returncode == 1
    assert ended.stderr.decode().startswith("Error: Can't read from http://127.0.0.1:9")
