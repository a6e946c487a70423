"""`sse-hub docker` against a real engine: container output arrives exactly once, whatever starts, stops or restarts."""

import json
import logging
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containers import (
    EngineService,
    docker_command,
    docker_output,
    engine_service,
    printer_command,
    wait_started,
)
from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import DEADLINE_SECONDS, at_scale
from tests.support.ship_command import recorded_lines, wait_lines
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

CONTAINERS = at_scale(4, 20)
LINES = at_scale(1_500, 20_000)
RESTARTS = at_scale(3, 60)
KILLS = at_scale(1, 3)

# Prints half a line, then prints to the other stream until SIGTERM, and only then the second half.
HALVES = """
$| = 1; print 'one half, '; $SIG{TERM} = sub { print "and the other\\n"; exit };
for ($n = 1; ; $n++) { print STDERR "$n\\n"; select(undef, undef, undef, 0.1) }
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineService]:
    with engine_service() as service:
        yield service


def texts(server: RedisServer, channel: str) -> list[str]:
    """The lines of `channel`; lines that are no JSON as they were printed."""
    return [json.loads(line).get("info", line.decode()) for line in recorded_lines(server, channel)]


def whole_runs(log: list[str]) -> bool:
    """Whether `log` is complete: for each stream of each run all lines from its first one on, and one run in full."""
    runs: dict[tuple[str, bool], list[int]] = {}
    for line in log:
        run, number = line.split()
        runs.setdefault((run, int(number) % 5 == 0), []).append(int(number))
    counted = {number: [n for n in range(1, LINES + 1) if (n % 5 == 0) == number] for number in (True, False)}
    prefixes = [sorted(numbers) == counted[error][: len(numbers)] for (_, error), numbers in runs.items()]
    return all(prefixes) and any(len(numbers) == LINES // 5 for numbers in runs.values())


def test_container_output_arrives_as_it_was_printed(
    deployed: tuple[RedisServer, HubProcess], engine: EngineService, tmp_path: Path
) -> None:
    server, _ = deployed
    script = r"""echo plain; echo '{"level": "error", "n": 12345678901234567890}' >&2; echo; printf 'b\351te\n'
        printf 'in two '; sleep 0.3; echo parts; head -c 40000 /dev/zero | tr '\0' x; echo; printf 'no end'"""

    with docker_command(server.url, engine, tmp_path):
        wait_started(tmp_path)
        engine.run("printed", "sh", "-c", script)
        wait_lines(server, "docker.printed", 6)

    found = texts(server, "docker.printed")
    # The two streams are written at the same time: lines have an order only within a stream.
    assert '{"level": "error", "n": 12345678901234567890}' in found
    assert [text for text in found if "level" not in text] == ["plain", "b�te", "in two parts", "x" * 40000, "no end"]


def test_c7_a_trace_of_a_container_is_one_line_with_multiline(
    deployed: tuple[RedisServer, HubProcess], engine: EngineService, tmp_path: Path
) -> None:
    server, _ = deployed
    trace = "panic: no price\n\ngoroutine 1 [running]:\nmain.main()\n\t/srv/shop/main.go:7 +0x1d"
    script = "echo one; printf '%s\\n' \"$0\"; echo two; sleep 2; printf 'panic: x\\n\\tat\\n'; sleep 60"

    with docker_command(server.url, engine, tmp_path, "--multiline"):
        wait_started(tmp_path)
        engine.run("traced", "sh", "-c", script, trace)
        # The last record is complete after a pause, while the container runs on.
        wait_lines(server, "docker.traced", 4)

    assert texts(server, "docker.traced") == ["one", trace, "two", "panic: x\n\tat"]


def test_lines_of_a_container_with_a_terminal_are_split_and_keep_their_colours(
    deployed: tuple[RedisServer, HubProcess], engine: EngineService, tmp_path: Path
) -> None:
    server, _ = deployed
    script = r"printf '\033[32mgreen\033[0m\n2026-11-21T12:00:00Z own time\nin'; sleep 1.1; echo ' two'; echo err >&2"

    with docker_command(server.url, engine, tmp_path):
        wait_started(tmp_path)
        engine.run("terminal", "sh", "-c", script, terminal=True)
        wait_lines(server, "docker.terminal", 4)

    assert texts(server, "docker.terminal") == [
        "\x1b[32mgreen\x1b[0m",
        "2026-11-21T12:00:00Z own time",
        "in two",
        "err",
    ]


def test_labels_choose_containers_and_name_channels(
    deployed: tuple[RedisServer, HubProcess], engine: EngineService, tmp_path: Path
) -> None:
    server, _ = deployed

    with docker_command(server.url, engine, tmp_path, "--label", "team=a", "--channel", "{name}.{stream}"):
        wait_started(tmp_path)
        engine.run("other", "echo", "of another team")
        engine.run("left-out", "echo", "left out", labels={"team": "a", "sse-hub.follow": "false"})
        engine.run("named", "sh", "-c", "echo out; echo err >&2", labels={"team": "a", "sse-hub.channel": "label.api"})
        engine.run(
            "unnamed", "sh", "-c", "echo out; echo err >&2", labels={"team": "a", "sse-hub.channel": "no channel"}
        )
        for channel in ("unnamed.stdout", "unnamed.stderr"):
            wait_lines(server, channel, 1)
        wait_lines(server, "label.api", 2)

    assert sorted(texts(server, "label.api")) == ["err", "out"]
    assert not recorded_lines(server, "other.stdout") + recorded_lines(server, "left-out.stdout")


def test_the_docker_command_resumes_exactly_where_it_was_however_it_ended(
    deployed: tuple[RedisServer, HubProcess], engine: EngineService, tmp_path: Path
) -> None:
    server, _ = deployed
    with docker_command(server.url, engine, tmp_path):
        wait_started(tmp_path)
        going = engine.run("going", *printer_command(1500))
        halved = engine.run("halved", "perl", "-e", HALVES)
        wait_lines(server, "docker.going", 200)
    before = len(recorded_lines(server, "docker.going"))

    # This container starts and ends while no command runs.
    brief = engine.run("brief", *printer_command(50, 0))
    engine.wait_stopped(brief)
    with docker_command(server.url, engine, tmp_path) as process:
        wait_lines(server, "docker.going", before + 100)
        # By now, the lines of one stream are much newer than the half line in the other.
        wait_lines(server, "docker.halved", 35)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with docker_command(server.url, engine, tmp_path):
        engine.stop(halved)
        engine.wait_stopped(going, halved)
        wait_lines(server, "docker.going", 1500)
        wait_lines(server, "docker.brief", 50)
        wait_lines(server, "docker.halved", len(engine.log(halved)))

    assert sorted(texts(server, "docker.going")) == engine.log(going)
    assert sorted(texts(server, "docker.brief")) == engine.log(brief)
    assert "one half, and the other" in engine.log(halved)
    assert sorted(texts(server, "docker.halved")) == engine.log(halved)


def test_an_engine_that_restarts_loses_no_line(
    deployed: tuple[RedisServer, HubProcess], engine: EngineService, tmp_path: Path
) -> None:
    server, _ = deployed
    with docker_command(server.url, engine, tmp_path):
        wait_started(tmp_path)
        container = engine.run("through", *printer_command(1000))
        wait_lines(server, "docker.through", 100)

        engine.kill()
        wait_until(lambda: "engine_lost" in docker_output(tmp_path), "the loss is told")
        engine.begin()
        engine.wait_stopped(container)
        wait_lines(server, "docker.through", 1000)

    assert "engine_restored" in docker_output(tmp_path)
    assert sorted(texts(server, "docker.through")) == engine.log(container)


def test_output_from_before_the_first_start_is_published_if_requested(
    deployed: tuple[RedisServer, HubProcess], engine: EngineService, tmp_path: Path
) -> None:
    server, _ = deployed
    engine.wait_stopped(engine.run("old", "sh", "-c", "echo one; echo two", labels={"old": "yes"}))

    with docker_command(server.url, engine, tmp_path, "--from-start", "--label", "old", "--channel", "again.{name}"):
        wait_lines(server, "again.old", 2)

    assert texts(server, "again.old") == ["one", "two"]


def test_every_line_of_many_containers_arrives_once_while_containers_and_command_restart(
    deployed: tuple[RedisServer, HubProcess], engine: EngineService, tmp_path: Path
) -> None:
    """Each prints 500 lines/s. The file of the engine's monitor shows what was printed."""
    server, _ = deployed
    chance = random.Random(4711)
    deadline_seconds = LINES / 500 * 3 + DEADLINE_SECONDS
    lasting = engine.run("lasting", "sleep", "1000")
    containers = [engine.create(f"many{number}", *printer_command(LINES)) for number in range(CONTAINERS)]

    for kill in range(KILLS):
        with docker_command(server.url, engine, tmp_path) as process:
            if not kill:
                wait_started(tmp_path)
                for container in containers:
                    engine.start(container)
            for _ in range(RESTARTS // KILLS):
                time.sleep(chance.uniform(0, LINES / 500 / RESTARTS))
                engine.restart(containers[chance.randrange(CONTAINERS // 2)])
            process.send_signal(signal.SIGKILL)
            process.wait()
    with docker_command(server.url, engine, tmp_path, "--stats"):
        engine.wait_stopped(*containers, seconds=deadline_seconds)
        logs = [engine.log(container) for container in containers]
        for number, log in enumerate(logs):
            wait_lines(server, f"docker.many{number}", len(log), deadline_seconds)
        wait_lines(server, "docker.lasting.stats", 1)
        engine.remove(lasting)

    for number, log in enumerate(logs):
        assert sorted(texts(server, f"docker.many{number}")) == log
    assert min(map(len, logs)) == LINES < max(map(len, logs))
    assert all(whole_runs(log) for log in logs)
    logger.info("%d lines of %d containers, %d restarts, %d kills", sum(map(len, logs)), CONTAINERS, RESTARTS, KILLS)
    figures = json.loads(recorded_lines(server, "docker.lasting.stats")[0])
    assert set(figures) == {"cpu_percent", "memory_mb"}
    assert 0 <= figures["cpu_percent"] < 100 > figures["memory_mb"] > 0.1
