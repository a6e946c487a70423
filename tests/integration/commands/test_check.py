"""`sse-hub check` finds wrong setups. Each fault is caused here, and found under its name in the output."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sse_hub.broker.limits import redis_limits
from tests.support.programs import clean_environ, redis_binary, shifted_clock, valkey_binary
from tests.support.reordering_proxy import Reorder, between_channels, between_sessions, losing, reordering_proxy
from tests.support.servers import RedisServer, redis_server
from tests.support.settings import DEADLINE_SECONDS, ROOT

# What is found there depends on the machine that runs the tests.
MACHINE = ("open files", "backlog")
# As the embedded Redis and docker-compose.yml have them.
BOUNDS = tuple(word for name, value in redis_limits(1_000, 1_000).items() for word in (f"--{name}", *value.split()))
USUAL_BUFFER = "--client-output-buffer-limit pubsub 32mb 8mb 60 --proto-max-bulk-len 8mb"
UNLIMITED_BUFFER = "--client-output-buffer-limit pubsub 0 0 0"
LONG_LINES = "--proto-max-bulk-len 512mb"
UNLIMITED_MEMORY = "--maxmemory 0"
EVICTING = "--maxmemory 64mb --maxmemory-policy allkeys-lru"
WITHOUT_LOG = "--user poor on nopass allcommands -xadd allkeys allchannels"
WITHOUT_CHANNELS = "--user poor on nopass allcommands allkeys resetchannels &sse-hub:fence"


def found(redis_url: str, *before: str) -> tuple[int, dict[str, str]]:
    """The exit status and the grade of each checked item. The command line begins with `before`."""
    environ = clean_environ()
    checked = subprocess.run(
        [*before, sys.executable, "-m", "sse_hub.cli", "check", "--redis-url", redis_url],
        cwd=ROOT, env=environ, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
    )  # fmt: skip
    assert "Traceback" not in checked.stderr, checked.stderr
    return checked.returncode, {line[5:23].strip(): line[:4].strip() for line in checked.stdout.splitlines()}


@contextmanager
def older_redis(folder: Path) -> Iterator[RedisServer]:
    """A server that reports a version that is too old."""
    version = subprocess.run([redis_binary(), "--version"], capture_output=True, check=True).stdout.split(b"v=")[1]
    told = version.split()[0]
    binary = folder / "older-redis"
    binary.write_bytes(redis_binary().read_bytes().replace(told + b"\0", b"5.0." + b"0" * (len(told) - 4) + b"\0"))
    binary.chmod(0o755)
    with redis_server(binary) as server:
        yield server


def test_the_check_finds_a_server_with_the_bounds_of_an_embedded_one_in_order() -> None:
    """Checked as an administrator, who may read all settings."""
    with redis_server(valkey_binary(), options=BOUNDS) as server:
        status, grades = found(server.url)

    assert status == 0
    assert {grade for what, grade in grades.items() if what not in MACHINE} == {"ok"}


def test_the_check_asks_a_server_with_default_settings_for_bounds() -> None:
    """R4, R5."""
    with redis_server(valkey_binary()) as server:
        status, grades = found(server.url)

    assert status == 0
    wanting = [what for what, grade in grades.items() if grade != "ok" and what not in MACHINE]
    assert wanting == ["redis memory", "output buffer", "long lines"]


@pytest.mark.parametrize(
    ("options", "what", "grade"),
    [
        (USUAL_BUFFER, "output buffer", "warn"),
        (UNLIMITED_BUFFER, "output buffer", "warn"),
        (LONG_LINES, "long lines", "warn"),
        (UNLIMITED_MEMORY, "redis memory", "warn"),
        (EVICTING, "redis memory", "warn"),
        (WITHOUT_LOG, "rights: log", "BAD"),
        (WITHOUT_CHANNELS, "rights: channels", "BAD"),
    ],
)
def test_the_check_finds_wrong_redis_settings(options: str, what: str, grade: str) -> None:
    account = "poor:any@" if "poor" in options else ""
    with redis_server(valkey_binary(), options=(*BOUNDS, *options.split())) as server:
        status, grades = found(server.url.replace("redis://", f"redis://{account}"))

    assert (grades[what], status) == (grade, int(grade == "BAD"))
    assert [name for name, each in grades.items() if each not in ("ok", "?") and name not in MACHINE] == [what]


@pytest.mark.parametrize(("by", "grade"), [("+1h", "warn"), ("-1h", "warn"), ("+48h", "BAD")])
def test_the_check_finds_a_wrong_clock(server: RedisServer, by: str, grade: str) -> None:
    """The clock of this machine is wrong; the check cannot know which of the two is."""
    status, grades = found(server.url, "env", *(f"{name}={value}" for name, value in shifted_clock(by).items()))

    assert (grades["clock"], status) == (grade, int(grade == "BAD"))


def test_the_check_finds_a_redis_that_is_too_old(tmp_path: Path) -> None:
    with older_redis(tmp_path) as server:
        status, grades = found(server.url)

    assert (grades["redis version"], status) == ("BAD", 1)


@pytest.mark.parametrize(("files", "grade"), [(1024, "warn"), (10_240, "ok")])
def test_the_check_finds_a_low_limit_of_open_files(server: RedisServer, files: int, grade: str) -> None:
    status, grades = found(server.url, "prlimit", f"--nofile={files}:{files}")

    assert (grades["open files"], status) == (grade, 0)


def test_the_check_finds_a_missing_redis() -> None:
    status, grades = found("redis://127.0.0.1:1/0")

    assert (grades["redis"], status) == ("BAD", 1)


@pytest.mark.parametrize("reorder", [between_channels, between_sessions, losing])
def test_the_check_finds_a_server_that_keeps_no_order(reorder: Reorder) -> None:
    """T16: it stands for servers with several threads, or with shards behind one address."""
    with redis_server(valkey_binary(), options=BOUNDS) as server, reordering_proxy(server.port, reorder) as port:
        status, grades = found(f"redis://127.0.0.1:{port}/0")

    assert (grades["order"], status) == ("BAD", 1)
    assert [name for name, each in grades.items() if each not in ("ok", "?") and name not in MACHINE] == ["order"]


def test_the_check_can_not_tell_the_order_without_the_right_to_measure_it() -> None:
    with redis_server(valkey_binary(), options=(*BOUNDS, *WITHOUT_CHANNELS.split())) as server:
        _, grades = found(server.url.replace("redis://", "redis://poor:any@"))

    assert grades["order"] == "?"
