"""`sse-hub watch`: the stream in a terminal, every line once, and no control characters from lines."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.load import publish
from tests.support.servers import HubProcess, RedisServer, free_port, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, ROOT, at_scale
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("recording")

COMMAND = (sys.executable, "-m", "sse_hub.cli", "watch")
# How often the hub stops.
TURNS = at_scale(1, 3)
# When a line came, which stands before a line without a time of its own.
MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ")


class Watching:
    """A `sse-hub watch` whose output goes into files."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self._folder = folder

    @property
    def lines(self) -> list[str]:
        return (self._folder / "out").read_text().splitlines()

    @property
    def errors(self) -> str:
        return (self._folder / "err").read_text()

    def wait_lines(self, count: int) -> list[str]:
        wait_until(lambda: len(self.lines) >= count or self.process.poll() is not None, f"{count} lines are shown")
        return self.lines

    def interrupt(self) -> str:
        """Send Ctrl-C. Returns the position that it prints."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(DEADLINE_SECONDS) == 0, self.errors
        found = re.search(r"--since (\S+)", self.errors)
        assert found, self.errors
        return found[1]


def messages(lines: list[str]) -> list[str]:
    """`lines` without the moments they came at."""
    return [MOMENT.sub("", line) for line in lines]


@contextmanager
def watching(hub_url: str, folder: Path, *options: str) -> Iterator[Watching]:
    """`sse-hub watch`, killed at the end of the block."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SSE_HUB_")}
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        process = subprocess.Popen(
            [*COMMAND, "--url", hub_url, *options], stdout=out, stderr=err, env=environ, cwd=ROOT
        )
    try:
        yield Watching(process, folder)
    finally:
        process.kill()
        process.wait()


def joined(hub: HubProcess, subscribers: int = 1) -> None:
    wait_until(lambda: hub.state()["subscribers"] >= subscribers, "somebody watches")


@pytest.fixture
def own_hub(server: RedisServer) -> Iterator[HubProcess]:
    """A separate hub, so that its subscribers can be counted."""
    with hub_process(server.url) as hub:
        yield hub


def test_watch_shows_lines_as_they_arrive(
    server: RedisServer, own_hub: HubProcess, channel: str, tmp_path: Path
) -> None:
    with watching(own_hub.url, tmp_path, channel) as watch:
        joined(own_hub)
        publish(server, channel, '{"level": "warn", "message": "slow", "ms": 9}', "text \x1b[2J\x1b]0;x\x07\x07新增")
        assert messages(watch.wait_lines(2)) == ["WARN  slow ms=9", "text \\x07新增"]


def test_watch_resumes_exactly_where_the_last_run_ended(
    server: RedisServer, own_hub: HubProcess, channel: str, tmp_path: Path
) -> None:
    shown: list[str] = []
    options: tuple[str, ...] = ()
    publish(server, channel, "before")
    for turn in range(4):
        with watching(own_hub.url, tmp_path, channel, channel + "-b", *options) as watch:
            joined(own_hub)
            publish(server, channel, f"{turn} a", f"{turn} b")
            publish(server, channel + "-b", f"{turn} c")
            wait_until(lambda: len(watch.lines) >= (3 if turn == 0 else 4), "all is shown")  # noqa: B023
            since = watch.interrupt()
            shown += watch.lines
        options = ("--since", since)
        publish(server, channel, f"{turn} between")
        wait_until(lambda: own_hub.state()["subscribers"] == 0, "nobody watches")

    texts = messages([line.partition(" ")[2] for line in shown])
    assert sorted(texts) == sorted(
        [f"{turn} {name}" for turn in range(4) for name in "abc"] + [f"{turn} between" for turn in range(3)]
    )


@pytest.mark.parametrize("pattern", [False, True])
def test_watch_loses_and_repeats_nothing_when_the_hub_restarts(channel: str, tmp_path: Path, pattern: bool) -> None:
    port = free_port()
    with redis_server() as server, hub_process(server.url) as other:
        other.wait_recording()
        with watching(f"http://127.0.0.1:{port}", tmp_path, channel[:-1] + "*" if pattern else channel) as watch:
            wait_until(lambda: "the hub is unreachable" in watch.errors, "the watch says what it waits for")
            for turn in range(TURNS):
                with hub_process(server.url, port=port) as hub:
                    joined(hub)
                    publish(server, channel, *(f"{turn} {n}" for n in range(100)))
                    watch.wait_lines(turn * 110 + 100)
                publish(server, channel, *(f"{turn} away {n}" for n in range(10)))
            with hub_process(server.url, port=port):
                lines = watch.wait_lines(TURNS * 110)

    texts = messages([line.removeprefix(channel + " ") for line in lines])
    assert texts == [
        text
        for turn in range(TURNS)
        for text in (*(f"{turn} {n}" for n in range(100)), *(f"{turn} away {n}" for n in range(10)))
    ]


def test_watch_shows_a_gap(channel: str, tmp_path: Path) -> None:
    with redis_server() as server, hub_process(server.url, "--retain-lines", "5") as hub:
        hub.wait_recording()
        with watching(hub.url, tmp_path, channel) as watch:
            joined(hub)
            publish(server, channel, "one")
            watch.wait_lines(1)
            since = watch.interrupt()
        hub.process.kill()
        hub.process.wait()
        publish(server, channel, "lost")
        with hub_process(server.url) as again:
            again.wait_recording()
            with watching(again.url, tmp_path, channel, "--since", since) as watch:
                joined(again)
                publish(server, channel, "two")
                lines = watch.wait_lines(2)

    assert lines[0].startswith(f"-- lines are missing on {channel}: recorder-down (after ")
    assert messages(lines)[1] == "two"


def test_watch_shows_only_lines_that_pass_the_filter(
    server: RedisServer, own_hub: HubProcess, channel: str, tmp_path: Path
) -> None:
    with watching(own_hub.url, tmp_path, channel, "--filter", "level>=warn", "--filter", "ORDER") as watch:
        joined(own_hub)
        publish(server, channel, "INFO order", "ERROR order 1", "ERROR mail", '{"level": 40, "msg": "order 2"}')
        assert messages(watch.wait_lines(2)) == ["ERROR order 1", "WARN  order 2"]


def test_watch_filters_in_the_language_of_the_page(
    server: RedisServer, own_hub: HubProcess, channel: str, tmp_path: Path
) -> None:
    typed = f"(user=u7 OR took>1s) -path~^/health channel={channel} after=-1h"
    with watching(own_hub.url, tmp_path, channel, "--filter", typed) as watch:
        joined(own_hub)
        publish(
            server,
            channel,
            '{"msg": "one", "user": "u7", "path": "/orders"}',
            '{"msg": "two", "user": "u8", "took": "900ms"}',
            "three user=u8 took=1200ms",
            '{"msg": "four", "user": "u7", "path": "/health"}',
            '{"msg": "five", "user": "u7"}',
        )
        shown = messages(watch.wait_lines(3))

    assert [text.split()[0] for text in shown] == ["one", "three", "five"]


def test_watch_with_json_prints_lines_unchanged(
    server: RedisServer, own_hub: HubProcess, channel: str, tmp_path: Path
) -> None:
    lines = ['{"n": 12345678901234567890123, "a":\n1}', '{"b": "\x9b"}', "text"]
    publish(server, channel, *lines)

    with watching(own_hub.url, tmp_path, channel, "--json", "--since", "-1m") as watch:
        shown = watch.wait_lines(3)

    # Perhaps no hub was up a minute ago.
    shown = [line for line in shown if not line.startswith('{"@gap"')]
    assert shown == ['{"n": 12345678901234567890123, "a": 1}', '{"b": "\\u009b"}', '{"info":"text"}'][: len(shown)]


@pytest.mark.parametrize("no_color", [False, True])
def test_watch_uses_colours_in_a_terminal_unless_disabled(
    server: RedisServer, own_hub: HubProcess, channel: str, no_color: bool
) -> None:
    terminal, other = pty.openpty()
    termios.tcsetwinsize(other, (24, 120))
    environ = {**os.environ, "TERM": "xterm", "NO_COLOR": "1" if no_color else ""}
    process = subprocess.Popen(
        [*COMMAND, "--url", own_hub.url, channel], stdout=other, stderr=subprocess.DEVNULL, env=environ, cwd=ROOT
    )
    try:
        joined(own_hub)
        publish(server, channel, "2026-11-21 03:50:18 ERROR \x1b[42mno")
        shown = os.read(terminal, 1_000).strip()
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
        os.close(other)

    text = b"2026-11-21 03:50:18 ERROR no"
    assert shown == (text if no_color else b"\x1b[31m%b\x1b[0m" % text)


def test_watch_ends_when_its_reader_closes_the_pipe(server: RedisServer, own_hub: HubProcess, channel: str) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--url", own_hub.url, channel], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout and process.stderr
        joined(own_hub)
        publish(server, channel, "one")
        assert messages([process.stdout.readline().decode()]) == ["one\n"]
        process.stdout.close()
        publish(server, channel, "two")
        assert process.wait(DEADLINE_SECONDS) == 0
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("log", "--since", "yesterday"), 1, "since='yesterday' is not understood"),
        (("sse-hub:fence",), 2, "is reserved"),
        (("log", "--filter", "level>=loud"), 2, "There is no level “loud”: trace, debug"),
        (("log", "--filter", "user=u7 (a"), 2, "This bracket is never closed. (at character 9)"),
        (("log", "--filter", "/(?=a)/"), 2, "look-around, such as (?=…), is not; allowed are"),
        (("log", "--url", "nowhere"), 2, "not the URL of a hub"),
    ],
)
def test_watch_reports_what_is_wrong(hub: HubProcess, options: tuple[str, ...], status: int, said: str) -> None:
    done = subprocess.run(
        [*COMMAND, "--url", hub.url, *options], capture_output=True, cwd=ROOT, timeout=DEADLINE_SECONDS, check=False
    )

    assert done.returncode == status
    assert said in done.stderr.decode()
    assert json.dumps(done.stdout.decode()) == '""'
