"""`sse-hub publish`: the lines of a pipe reach a channel, and it reports those that do not."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.programs import clean_environ
from tests.support.servers import HubProcess, RedisServer, free_port, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.ship_command import recorded_lines, wait_lines

pytestmark = pytest.mark.usefixtures("recording")

COMMAND = (sys.executable, "-m", "sse_hub.cli", "publish")


@contextmanager
def publishing(*options: str, output: int = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    """`sse-hub publish` with a pipe as its input, killed at the end of the block."""
    environ = clean_environ()
    process = subprocess.Popen(
        [*COMMAND, *options], stdin=subprocess.PIPE, stdout=output, stderr=subprocess.PIPE, env=environ, cwd=ROOT
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            with suppress(BrokenPipeError):
                if stream:
                    stream.close()


def publish(*options: str, text: bytes = b"") -> tuple[int, bytes, str]:
    """Exit status, output and errors."""
    with publishing(*options) as process:
        output, errors = process.communicate(text, timeout=DEADLINE_SECONDS)
        return process.returncode, output, errors.decode()


def write(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin
    process.stdin.write(data)
    process.stdin.flush()


def test_the_lines_of_a_pipe_are_published_in_order(server: RedisServer, hub: HubProcess, channel: str) -> None:
    text = b"".join(b"line %d\n" % n for n in range(20_000))

    status, output, errors = publish(channel, "--redis-url", server.publisher_url, text=text + b'\r\n{"n": 1}\r\nlast')

    assert (status, output, errors) == (0, b"", "")
    lines = wait_lines(server, channel, 20_002)
    assert [json.loads(line)["info"] for line in lines[:-2]] == [f"line {n}" for n in range(20_000)]
    assert lines[-2:] == [b'{"n": 1}', b'{"info":"last"}']


@pytest.mark.parametrize("through_hub", [False, True])
def test_arguments_are_published_as_lines(
    server: RedisServer, hub: HubProcess, channel: str, through_hub: bool
) -> None:
    where = ("--http", hub.url) if through_hub else ("--redis-url", server.publisher_url)

    assert publish(channel, *where, "deploy begun", '{"a": 1}', "新增") == (0, b"", "")

    assert wait_lines(server, channel, 3) == [b'{"info":"deploy begun"}', b'{"a": 1}', '{"info":"新增"}'.encode()]


def test_the_publish_command_adds_fields(server: RedisServer, hub: HubProcess, channel: str) -> None:
    where = (channel, "--redis-url", server.publisher_url, "--json", "app=shop", "--json", "host=a=b")

    publish(*where, text=b'hello\n{"message": "x"}\n')

    assert wait_lines(server, channel, 2) == [
        b'{"message":"hello","app":"shop","host":"a=b"}',
        b'{"app":"shop","host":"a=b","message": "x"}',
    ]


def test_tee_passes_its_input_through_at_once(server: RedisServer, hub: HubProcess, channel: str) -> None:
    with publishing(channel, "--tee", "--redis-url", server.publisher_url) as process:
        assert process.stdout
        write(process, b"no line end yet")
        assert os.read(process.stdout.fileno(), 100) == b"no line end yet"
        write(process, b" \xff\0\r\n")
        assert os.read(process.stdout.fileno(), 100) == b" \xff\0\r\n"
        wait_lines(server, channel, 1)

    assert json.loads(recorded_lines(server, channel)[0])["info"] == "no line end yet \ufffd\0"


def test_the_app_continues_when_the_reader_behind_tee_exits(server: RedisServer, hub: HubProcess, channel: str) -> None:
    with publishing(channel, "--tee", "--redis-url", server.publisher_url) as process:
        assert process.stdout and process.stdin
        write(process, b"one\n")
        assert os.read(process.stdout.fileno(), 100) == b"one\n"
        process.stdout.close()
        for line in (b"two\n", b"three\n"):
            write(process, line)
            wait_lines(server, channel, 2 if line == b"two\n" else 3)
        process.stdin.close()
        assert process.wait(DEADLINE_SECONDS) == 0


def test_without_redis_the_piped_app_is_not_delayed_and_a_warning_is_printed(channel: str) -> None:
    """With 40 MB, more than it buffers."""
    line = b"x" * 999 + b"\n"
    began = time.monotonic()

    with publishing(
        channel, "--tee", "--redis-url", f"redis://127.0.0.1:{free_port()}/0", "--wait", "0", output=subprocess.DEVNULL
    ) as process:
        assert process.stdin and process.stderr
        for _ in range(40):
            write(process, line * 1_000)
        written = time.monotonic() - began
        process.stdin.close()
        errors = process.stderr.read().decode()
        status = process.wait(DEADLINE_SECONDS)

    assert status == 1
    assert "publishing_paused" in errors
    assert "40000 lines not published (0 published)" in errors
    assert written < DEADLINE_SECONDS / 2


def test_piped_lines_wait_for_redis(channel: str) -> None:
    port = free_port()
    with publishing(channel, "--redis-url", f"redis://127.0.0.1:{port}/0") as process:
        assert process.stdin and process.stderr
        write(process, b"early\n")
        assert b"publishing_paused" in process.stderr.readline()
        with redis_server(port=port) as server, hub_process(server.url) as hub:
            hub.wait_recording()
            write(process, b"late\n")
            found = wait_lines(server, channel, 1)
            process.stdin.close()
            assert process.wait(DEADLINE_SECONDS) == 0

    # The first line came when Redis was up, but no hub yet.
    assert found[-1] == b'{"info":"late"}'


def test_the_publish_command_keeps_the_requested_rate(server: RedisServer, hub: HubProcess, channel: str) -> None:
    began = time.monotonic()

    status, _, _ = publish(channel, "--rate", "50", "--redis-url", server.publisher_url, text=b"x\n" * 100)

    assert status == 0
    assert time.monotonic() - began > 1.9
    assert len(wait_lines(server, channel, 100)) == 100


def test_a_hub_that_restarts_while_lines_are_published_loses_and_repeats_nothing(channel: str) -> None:
    """After 503 or a refused connection, it retries with the same idempotency key."""
    port = free_port()
    with redis_server() as server, hub_process(server.url, port=port) as hub:
        hub.wait_recording()
        with publishing(channel, "--http", hub.url, "--wait", "30") as process:
            assert process.stdin and process.stderr
            write(process, b"one\n")
            wait_lines(server, channel, 1)
            hub.process.terminate()
            hub.process.wait()
            write(process, b"two\nthree\n")
            assert b"publishing_paused" in process.stderr.readline()
            process.stdin.close()
            with hub_process(server.url, port=port):
                found = wait_lines(server, channel, 3)
                assert process.wait(DEADLINE_SECONDS) == 0

    assert [json.loads(line)["info"] for line in found if line] == ["one", "two", "three"]


def test_a_line_refused_by_the_hub_is_reported_and_the_rest_is_published(
    server: RedisServer, hub: HubProcess, channel: str
) -> None:
    text = b"one\n" + b"x" * 1_048_570 + b'"' * 5 + b"\nthree\n"

    status, _, errors = publish(channel, "--http", hub.url, text=text)

    assert status == 1
    assert "1 line refused (2 published): 413" in errors
    assert [json.loads(line)["info"] for line in wait_lines(server, channel, 2)] == ["one", "three"]


def test_ctrl_c_waits_for_the_piped_app_to_end(server: RedisServer, hub: HubProcess, channel: str) -> None:
    with publishing(channel, "--redis-url", server.publisher_url) as process:
        assert process.stdin
        write(process, b"one\n")
        wait_lines(server, channel, 1)
        process.send_signal(signal.SIGINT)
        write(process, b"the app says good-bye\n")
        process.stdin.close()
        assert process.wait(DEADLINE_SECONDS) == 0

    assert len(wait_lines(server, channel, 2)) == 2


def test_sigterm_publishes_all_input_received_so_far(server: RedisServer, hub: HubProcess, channel: str) -> None:
    with publishing(channel, "--redis-url", server.publisher_url, "--rate", "200") as process:
        write(process, b"x\n" * 100)
        wait_lines(server, channel, 1)
        process.terminate()
        assert process.wait(DEADLINE_SECONDS) == 0

    assert len(wait_lines(server, channel, 100)) == 100


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("sse-hub:fence",), "not a valid channel name"),
        (("a*",), "not a valid channel name"),
        (("log", "--json", "x"), "not FIELD=VALUE"),
        (("log", "--http", "ftp://x"), "not the URL of a hub"),
        (("log", "--redis-url", "http://x"), "is invalid"),
    ],
)
def test_the_publish_command_names_an_invalid_option(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    status, _, errors = publish(*options)

    assert status == 2
    assert said in errors
