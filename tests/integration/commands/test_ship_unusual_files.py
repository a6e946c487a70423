"""
`sse-hub ship` and files that are not simply there: without rights, moved to other folders, sharing a channel, in other
encodings. Each shipper is a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.cli import running_command
from tests.support.programs import clean_environ
from tests.support.servers import RedisServer
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.ship_command import recorded_lines, shipper, shipper_output, wait_lines
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("recording")

# Root may read everything, unless it gives up these rights.
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def texts(server: RedisServer, channel: str, count: int) -> list[str]:
    """The texts of the recorded lines, once there are `count`."""
    return [json.loads(line)["info"] for line in wait_lines(server, channel, count)]


def ship_once(server: RedisServer, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`sse-hub ship --once` with its registry in `folder`, without the rights of root."""
    command = [*WITHOUT_RIGHTS, sys.executable, "-m", "sse_hub.cli", "ship", "--once", "--from-start"]
    command += ["--registry", str(folder / "positions.json"), "--redis-url", server.url, *words]
    return subprocess.run(
        command, capture_output=True, text=True, env=clean_environ(), cwd=ROOT, timeout=DEADLINE_SECONDS, check=False
    )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody but root may use `folder` for the duration of the block."""
    folder.chmod(0)
    try:
        yield
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("pattern", ["locked/app.log", "locked/*.log", "locked/deeper/*.log"])
def test_f3_a_folder_without_rights_is_told_and_the_other_files_are_shipped(
    server: RedisServer, tmp_path: Path, channel: str, pattern: str
) -> None:
    folder = tmp_path / "locked"
    (folder / "deeper").mkdir(parents=True)
    (folder / "app.log").write_text("hidden\n")
    (tmp_path / "other.log").write_text("one\n")

    with locked(folder):
        result = ship_once(server, tmp_path, str(tmp_path / pattern), str(tmp_path / "other.log"), "--channel", channel)

    assert result.returncode == 1
    assert f"file_unreadable path={folder} error='Permission denied'" in result.stderr
    assert f"Not all files could be read: {folder}" in result.stderr
    assert "Traceback" not in result.stderr
    assert "file_missing" not in result.stderr
    assert texts(server, channel, 1) == ["one"]


def test_f3_a_file_without_rights_makes_once_fail(server: RedisServer, tmp_path: Path, channel: str) -> None:
    path = tmp_path / "app.log"
    path.write_text("hidden\n")
    path.chmod(0)

    result = ship_once(server, tmp_path, str(path), "--channel", channel)

    assert result.returncode == 1
    assert f"Not all files could be read: {path}" in result.stderr


def test_f3_a_folder_that_may_be_searched_but_not_listed_is_enough_for_a_name(
    server: RedisServer, tmp_path: Path, channel: str
) -> None:
    folder = tmp_path / "searched"
    folder.mkdir()
    (folder / "app.log").write_text("one\n")
    folder.chmod(0o100)

    result = ship_once(server, tmp_path, str(folder / "app.log"), "--channel", channel)
    folder.chmod(0o700)

    assert result.returncode == 0, result.stderr
    assert texts(server, channel, 1) == ["one"]


def test_f3_a_folder_is_no_file(server: RedisServer, tmp_path: Path) -> None:
    result = ship_once(server, tmp_path, str(tmp_path))

    assert result.returncode == 1
    assert f"{tmp_path} is a folder: name its files, such as '{tmp_path}/*.log'." in result.stderr


def test_f3_rights_that_are_taken_away_stop_no_other_file_and_may_come_back(
    server: RedisServer, tmp_path: Path, channel: str
) -> None:
    folder, other = tmp_path / "locked", tmp_path / "other.log"
    folder.mkdir()
    (folder / "app.log").write_text("one\n")
    other.write_text("other one\n")
    names = (str(folder / "app.log"), str(folder / "*.txt"), str(other))

    with shipper(server, tmp_path, "--from-start", *names, "--channel", channel, prefix=WITHOUT_RIGHTS):
        wait_lines(server, channel, 2)
        with locked(folder):
            wait_until(lambda: f"file_unreadable path={folder}" in shipper_output(tmp_path), "the shipper has noticed")
            with open(other, "a") as file:
                file.write("other two\n")
            wait_lines(server, channel, 3)
        (folder / "new.txt").write_text("new\n")
        with open(folder / "app.log", "a") as file:
            file.write("two\n")
        found = texts(server, channel, 5)

    assert sorted(found) == ["new", "one", "other one", "other two", "two"]


def rotate_away(path: Path, into: Path) -> None:
    """Write a line, move the file to `into`, and begin a new one."""
    with open(path, "a") as file:
        file.write("last of the old\n")
    into.parent.mkdir(exist_ok=True)
    shutil.move(path, into)
    path.write_text("first of the new\n")


@pytest.mark.parametrize(
    ("where", "options"),
    [
        ("below/app.log.1", []),
        ("below/app.log", []),
        ("below/20261121.old", []),
        ("../elsewhere/app.log.1", ["--rotated-in", "elsewhere"]),
        ("../elsewhere/app.log.1.gz", ["--rotated-in", "elsewhere"]),
    ],
)
def test_f11_a_file_rotated_into_another_folder_meanwhile_is_read_to_its_end(
    server: RedisServer, tmp_path: Path, channel: str, where: str, options: list[str]
) -> None:
    path = tmp_path / "logs" / "app.log"
    path.parent.mkdir()
    path.write_text("one\n" + "a line\n" * 300)
    (tmp_path / "elsewhere").mkdir()
    elsewhere = [word if word.startswith("-") else str(tmp_path / word) for word in options]
    words = (str(path), "--channel", channel, *elsewhere)
    assert ship_once(server, tmp_path, *words).returncode == 0
    plain = path.parent / where.removesuffix(".gz")
    rotate_away(path, plain)
    if where.endswith(".gz"):
        subprocess.run(["gzip", str(plain)], check=True)

    result = ship_once(server, tmp_path, *words)

    assert result.returncode == 0, result.stderr
    assert texts(server, channel, 303)[-2:] == ["last of the old", "first of the new"]
    assert len(recorded_lines(server, channel)) == 303
    assert "file_gone" not in result.stderr


def test_f11_a_file_that_is_gone_before_its_end_is_told(server: RedisServer, tmp_path: Path, channel: str) -> None:
    path = tmp_path / "logs" / "app.log"
    path.parent.mkdir()
    path.write_text("one\n")
    words = (str(path), "--channel", channel)
    ship_once(server, tmp_path, *words)
    rotate_away(path, tmp_path / "elsewhere" / "app.log.1")

    result = ship_once(server, tmp_path, *words)
    again = ship_once(server, tmp_path, *words)

    assert f"file_gone path={path} read=4" in result.stderr
    assert "file_gone" not in again.stderr
    assert texts(server, channel, 2) == ["one", "first of the new"]


def test_f11_a_link_leads_to_files_that_are_rotated_in_their_own_folder(
    server: RedisServer, tmp_path: Path, channel: str
) -> None:
    """As the kubelet does it: containers/app.log -> pods/shop/0.log, rotated to pods/shop/0.log.20261121-035018."""
    pod, containers = tmp_path / "pods" / "shop", tmp_path / "containers"
    pod.mkdir(parents=True)
    containers.mkdir()
    (pod / "0.log").write_text("one\n")
    (containers / "app.log").symlink_to(pod / "0.log")
    words = (str(containers / "*.log"), "--channel", channel)
    ship_once(server, tmp_path, *words)
    rotate_away(pod / "0.log", pod / "0.log.20261121-035018")

    ship_once(server, tmp_path, *words)

    assert texts(server, channel, 3) == ["one", "last of the old", "first of the new"]


def test_f9_two_files_in_one_channel_are_told(server: RedisServer, tmp_path: Path, channel: str) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{channel}.log").write_text("x\n")
    paths = [str(tmp_path / folder / f"{channel}.log") for folder in ("a", "b")]

    told = ship_once(server, tmp_path, *paths)
    wanted = ship_once(server, tmp_path, *paths, "--channel", channel)

    assert f"channel_shared channel={channel} path={paths[1]} other={paths[0]}" in told.stderr
    assert "channel_shared" not in wanted.stderr


@pytest.mark.parametrize(
    ("encoding", "mark", "options"),
    [
        ("utf-8", b"\xef\xbb\xbf", []),
        ("utf-16-le", b"\xff\xfe", []),
        ("utf-16-be", b"\xfe\xff", ["--multiline"]),
        ("utf-32-le", b"\xff\xfe\0\0", []),
        ("utf-16-le", b"", ["--encoding", "utf-16-le"]),
        ("shift_jis", b"", ["--encoding", "shift_jis", "--multiline"]),
        # The mark wins.
        ("utf-16-be", b"\xfe\xff", ["--encoding", "gbk"]),
    ],
)
def test_f13_m1_a_file_in_another_encoding_is_read_as_text(
    server: RedisServer, tmp_path: Path, channel: str, encoding: str, mark: bytes, options: list[str]
) -> None:
    path = tmp_path / "app.log"
    # U+0A41 and U+410A have a byte of a line end.
    lines = [f"{n} 時刻 \u0a41\u410a 支払".encode(encoding, "ignore").decode(encoding) for n in range(50)]
    path.write_bytes(mark + "".join(line + "\r\n" for line in lines).encode(encoding))
    words = (str(path), "--channel", channel, *options)
    assert ship_once(server, tmp_path, *words).returncode == 0
    # It goes on in the middle.
    with open(path, "ab") as file:
        file.write("追加\n".encode(encoding))
    assert ship_once(server, tmp_path, *words).returncode == 0

    assert texts(server, channel, 51) == [*lines, "追加"]


@pytest.mark.parametrize("name", ["nothing", "base64", "cp037"])
def test_m1_what_is_no_encoding_of_logs_is_refused(server: RedisServer, tmp_path: Path, name: str) -> None:
    result = ship_once(server, tmp_path, str(tmp_path / "app.log"), "--encoding", name)

    assert result.returncode == 2
    assert f"'{name}'" in result.stderr


def test_f12_another_database_is_told_within_a_second(server: RedisServer, tmp_path: Path, channel: str) -> None:
    path = tmp_path / "app.log"
    path.write_text("one\n")
    words = ("ship", "--from-start", "--registry", str(tmp_path / "positions.json"), "--channel", channel, str(path))

    with running_command(tmp_path / "shipper.out", *words, "--redis-url", f"{server.url.removesuffix('/0')}/1"):
        wait_until(lambda: "not_recorded database=1" in shipper_output(tmp_path), "the shipper tells it")


def test_m2_excluded_files_are_not_shipped(server: RedisServer, tmp_path: Path, channel: str) -> None:
    for name in ("app.log", "debug.log", "app.tmp"):
        (tmp_path / name).write_text(f"{name}\n")
    words = (str(tmp_path / "*.log"), str(tmp_path / "*.tmp"), "--exclude", "debug.*", "--exclude", "*.tmp")

    ship_once(server, tmp_path, *words, "--channel", channel)

    assert texts(server, channel, 1) == ["app.log"]
