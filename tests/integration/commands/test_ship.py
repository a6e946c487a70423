"""`sse-hub ship`: lines written to files arrive unchanged, once and in order."""

import asyncio
import gzip
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sse_hub.broker.keys import Partition
from sse_hub.commands.ship import ShipPlan, ship_files
from sse_hub.commands.ship.registry import Registry
from sse_hub.commands.shipping.records import LineFormat
from sse_hub.errors import RegistryUnavailable
from sse_hub.formats.joining import Joiner
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.ship_command import LogFile, recorded_lines, shipper, shipper_output, wait_lines, wait_started
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("recording")

APP = """
import logging, sys, time
handler = logging.FileHandler(sys.argv[1])
handler.setFormatter(logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s"))
logger = logging.getLogger("shop.orders")
logger.addHandler(handler)
logger.setLevel("INFO")
for n in range(6):
    logger.warning("order %d - Visit 新增 %s", n, "paid")
    time.sleep(0.3)
"""


class Files:
    """A folder with a log in it, and shippers that run in this process."""

    def __init__(self, server: RedisServer, folder: Path, channel: str) -> None:
        self.folder = folder
        self.path = folder / "app.log"
        self._server = server
        self._channel = channel

    def plan(self, *patterns: Path, **more: object) -> ShipPlan:
        options = {"channel": self._channel, "registry": self.folder / "state" / "positions.json", **more}
        names = tuple(map(str, patterns or (self.path,)))
        return ShipPlan(patterns=names, redis_url=self._server.url, **options)  # type: ignore[arg-type]

    async def ship(self, *patterns: Path, **more: object) -> int:
        """Ship what is there. Returns the number of lines."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await ship_files(self.plan(*patterns, once=True, **more), asyncio.Event())

    @asynccontextmanager
    async def shipping(self, *patterns: Path, **more: object) -> AsyncIterator[None]:
        """Ship for the duration of the block."""
        stopping = asyncio.Event()
        plan = self.plan(*patterns, **more)
        task = asyncio.create_task(ship_files(plan, stopping))
        try:
            await asyncio.to_thread(wait_until, lambda: task.done() or plan.registry.exists(), "the shipper has begun")
            yield
        finally:
            stopping.set()
            await task

    async def arrived(self, count: int, channel: str = "") -> list[str]:
        """The texts of the recorded lines, once there are at least `count`."""
        lines = await asyncio.to_thread(wait_lines, self._server, channel or self._channel, count)
        return [json.loads(line).get("info", line.decode()) for line in lines]

    def there(self, channel: str = "") -> list[str]:
        """The texts of the lines recorded so far."""
        return [json.loads(line)["info"] for line in recorded_lines(self._server, channel or self._channel)]


@pytest.fixture
def files(server: RedisServer, tmp_path: Path, channel: str) -> Files:
    return Files(server, tmp_path, channel)


def test_lines_of_pythons_file_handlers_arrive_as_they_were_written(
    server: RedisServer, tmp_path: Path, channel: str
) -> None:
    path = tmp_path / "orders.log"
    with shipper(server, tmp_path, str(path), "--channel", channel):
        wait_until((tmp_path / "positions.json").exists, "the shipper looks")
        subprocess.run([sys.executable, "-c", APP, str(path)], check=True)
        lines = wait_lines(server, channel, 6)

    texts = [json.loads(line) for line in lines]
    assert texts == [{"info": line} for line in path.read_text().splitlines()]
    pattern = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - shop\.orders - WARNING - order (\d) - Visit 新增 paid"
    assert [re.fullmatch(pattern, text["info"])[1] for text in texts] == list("012345")  # type: ignore[index]


async def test_existing_lines_are_skipped_except_an_unfinished_one(files: Files) -> None:
    log = LogFile(files.path)
    log.write("old")
    log.write_bytes(b"half ")

    async with files.shipping():
        log.write("a line", "next")
        assert await files.arrived(2) == ["half a line", "next"]
    log.close()


async def test_json_is_shipped_unchanged_and_empty_lines_are_skipped(files: Files) -> None:
    files.path.write_bytes(b'{"n": 12345678901234567890123}\n\n\r\n\xff\r\n')

    assert await files.ship(from_start=True) == 2

    assert await files.arrived(2) == ['{"n": 12345678901234567890123}', "\ufffd"]


async def test_a_restarted_shipper_resumes_where_the_last_one_ended(files: Files) -> None:
    log = LogFile(files.path)
    log.write("one")
    assert await files.ship(from_start=True) == 1
    log.write("two")
    log.write_bytes(b"thr")
    assert await files.ship() == 1
    log.write_bytes(b"ee\n")
    assert await files.ship() == 1
    assert await files.ship() == 0
    log.close()

    assert await files.arrived(3) == ["one", "two", "three"]


async def test_positions_in_redis_win_over_an_older_registry(files: Files) -> None:
    log = LogFile(files.path)
    log.write("one")
    await files.ship(from_start=True)
    saved = files.plan().registry.read_bytes()
    log.write("two", "three")
    await files.ship()

    # As after a SIGKILL between the reply of Redis and the next save.
    files.plan().registry.write_bytes(saved)
    log.write("four")
    await files.ship()
    log.close()

    assert await files.arrived(4) == ["one", "two", "three", "four"]


async def test_the_registry_wins_when_redis_has_lost_its_positions(
    files: Files, server: RedisServer, hub: HubProcess
) -> None:
    log = LogFile(files.path)
    log.write("one", "two")
    await files.ship(from_start=True)
    with server.client() as client:
        for key in client.keys("sse-hub:shipped:*"):
            client.delete(key)
    log.write("three")
    await files.ship()
    log.close()

    assert await files.arrived(3) == ["one", "two", "three"]


@pytest.mark.parametrize("rotate", [LogFile.rotate_by_rename, LogFile.rotate_by_copy])
@pytest.mark.parametrize("running", [True, False])
async def test_a_rotation_loses_and_repeats_no_line(files: Files, rotate: object, running: bool) -> None:
    assert callable(rotate)
    log = LogFile(files.path)
    log.write("one")
    await files.ship(from_start=True)

    if running:
        async with files.shipping():
            log.write("two")
            rotate(log)
            log.write("three")
            rotate(log)
            log.write("four", "a longer line than all that there were before, so that the file is larger than it was")
            await files.arrived(5)
    else:
        log.write("two")
        rotate(log)
        log.write("three")
        rotate(log)
        log.write("four", "a longer line than all that there were before, so that the file is larger than it was")
    await files.ship()
    log.close()

    assert [text[:8] for text in await files.arrived(5)] == ["one", "two", "three", "four", "a longer"]


async def test_a_copy_without_a_truncation_is_not_read(files: Files) -> None:
    log = LogFile(files.path)
    log.write(*(f"line {n}" for n in range(500)))
    async with files.shipping(from_start=True):
        await files.arrived(500)
        shutil.copyfile(files.path, files.path.with_name("app.log.1"))
        log.write("more")
        await files.arrived(501)
        log.rotate_by_copy()
        log.write("new")
        await files.arrived(502)
    await files.ship()
    log.close()

    assert files.there() == [*(f"line {n}" for n in range(500)), "more", "new"]


async def test_a_writer_that_keeps_its_offset_after_a_truncation_loses_no_line(files: Files) -> None:
    """The file was not opened in append mode, so the next write leaves a hole of zero bytes before it."""
    files.path.write_bytes(b"x" * 300_000 + b"\n")
    async with files.shipping(from_start=True):
        await files.arrived(1)
        shutil.copyfile(files.path, files.path.with_name("app.log.1"))
        os.truncate(files.path, 0)
        files.path.write_bytes(b"\0" * 300_001 + b"after\n")
        assert (await files.arrived(2))[1] == "after"


async def test_the_unfinished_last_line_of_a_rotated_file_comes_before_the_next_file(files: Files) -> None:
    log = LogFile(files.path)
    log.write_bytes(b"one\nlast")
    async with files.shipping(from_start=True):
        await files.arrived(1)
        log.rotate_by_rename()
        log.write("two")
        assert await files.arrived(3) == ["one", "last", "two"]
    log.close()


async def test_a_deleted_file_is_read_to_its_end(files: Files) -> None:
    log = LogFile(files.path)
    log.write("one")
    async with files.shipping(from_start=True):
        await files.arrived(1)
        log.write("two")
        files.path.unlink()
        log.write("three")
        again = LogFile(files.path)
        again.write("four")
        assert await files.arrived(4) == ["one", "two", "three", "four"]
        again.close()
    log.close()


async def test_compressed_rotated_files_are_shipped_first_and_once(files: Files) -> None:
    log = LogFile(files.path)
    for text in ("oldest", "older", "old"):
        log.write(text)
        log.rotate_by_rename()
    log.write("new")
    log.compress(2)
    log.compress(3)

    assert await files.ship(from_start=True) == 4
    log.compress(1)
    log.rotate_by_rename()
    log.write("newest")
    assert await files.ship(from_start=True) == 1
    log.compress(1)
    assert await files.ship(from_start=True) == 0
    log.close()

    assert await files.arrived(5) == ["oldest", "older", "old", "new", "newest"]


async def test_a_file_compressed_while_being_read_continues_in_the_compressed_file(files: Files) -> None:
    log = LogFile(files.path)
    log.write("one")
    await files.ship(from_start=True)
    log.write("two")
    log.rotate_by_rename()
    log.compress(1)
    log.write("three")
    await files.ship()
    log.close()

    assert await files.arrived(3) == ["one", "two", "three"]


async def test_a_damaged_archive_is_shipped_as_far_as_it_is_readable(files: Files) -> None:
    packed = gzip.compress(b"".join(b"line %d\n" % n for n in range(100_000)))
    (files.folder / "app.log.1.gz").write_bytes(packed[: len(packed) // 2])
    os.utime(files.folder / "app.log.1.gz", (1, 1))
    files.path.write_text("live\n")

    count = await files.ship(from_start=True)

    assert 1_000 < count < 100_000
    assert (await files.arrived(count))[-1] == "live"


async def test_files_that_appear_later_are_logged_and_read_from_their_beginning(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    later = files.folder / "later"
    pattern = later / "*.log"

    async with files.shipping(pattern, files.path, channel="later.{name}"):
        for name in (pattern, files.path):
            assert f"file_missing path={name}" in caplog.text
        later.mkdir()
        (later / "one.log").write_text("1\n")
        files.path.write_text("2\n")
        assert await files.arrived(1, "later.one") == ["1"]
        assert await files.arrived(1, "later.app") == ["2"]
    # While no shipper runs.
    (later / "two.log").write_text("3\n")
    await files.ship(pattern, files.path, channel="later.{name}")

    assert await files.arrived(1, "later.two") == ["3"]


async def test_the_channel_can_be_the_path_of_the_file(files: Files) -> None:
    files.path.write_text("x\n")

    await files.ship(from_start=True, channel="{path}")

    assert await files.arrived(1, str(files.path).lstrip("/")[:128]) == ["x"]


async def test_a_line_longer_than_the_hubs_limit_is_shipped_in_pieces(files: Files) -> None:
    text = "新x" * 800_000
    files.path.write_text(f"before\n{text}\nafter\n")

    await files.ship(from_start=True)

    lines = await files.arrived(6)
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "".join(lines[1:-1]) == text


async def test_with_multiline_a_stack_trace_is_one_line(files: Files) -> None:
    trace = "ERROR no\nTraceback (most recent call last):\n  File\nValueError: no"
    log = LogFile(files.path)
    async with files.shipping(from_start=True, lines=LineFormat(Joiner)):
        log.write("INFO one", *trace.split("\n"), "INFO two")
        # The last record is published after a pause without input.
        assert await files.arrived(3) == ["INFO one", trace, "INFO two"]
        log.write(*trace.split("\n")[:2])
        log.write(*trace.split("\n")[2:], "INFO three")
        assert await files.arrived(5) == ["INFO one", trace, "INFO two", trace, "INFO three"]
    log.close()


async def test_many_files_with_many_lines_arrive_complete_and_in_order(files: Files) -> None:
    for number in range(20):
        text = "".join(f"{number} {n}\n" for n in range(2_000))
        (files.folder / f"app{number}.log").write_text(text)

    assert await files.ship(files.folder / "app*.log", from_start=True) == 40_000

    found = await files.arrived(40_000)
    for number in range(20):
        assert [text for text in found if text.split()[0] == str(number)] == [f"{number} {n}" for n in range(2_000)]


async def test_two_shippers_cannot_share_one_registry(files: Files) -> None:
    async with files.shipping():
        with pytest.raises(RegistryUnavailable, match="--registry"):
            await files.ship()


async def test_the_registry_is_written_atomically(files: Files) -> None:
    files.path.write_text("one\n")
    await files.ship(from_start=True)
    registry = files.plan().registry
    saved = registry.read_text()
    # As left by a crash before the rename.
    registry.with_name(registry.name + ".new").write_text(saved[:20])

    assert await files.ship() == 0

    registry.write_text(saved[:20])
    with pytest.raises(RegistryUnavailable, match="can't be read"):
        Registry(registry)


async def test_cut_redis_connections_lose_and_repeat_no_shipped_line(files: Files, server: RedisServer) -> None:
    log = LogFile(files.path)
    async with files.shipping(from_start=True):
        with server.client() as client:
            for block in range(40):
                log.write(*(f"{block} {n}" for n in range(1_000)))
                await asyncio.sleep(0.01)
                for each in client.client_list(_type="normal"):
                    if each["cmd"].startswith(("evalsha", "hgetall", "script", "get")) and "lib-name" in each:
                        client.client_kill_filter(_id=each["id"], skipme=True)
        found = await files.arrived(40_000)
    log.close()

    assert found == [f"{block} {n}" for block in range(40) for n in range(1_000)]


def test_lines_written_without_redis_or_without_a_hub_arrive_later(tmp_path: Path, channel: str) -> None:
    log = LogFile(tmp_path / "app.log")
    with redis_server() as server, shipper(server, tmp_path, str(log.path), "--channel", channel, "--from-start"):
        log.write("no hub")
        wait_until(lambda: "has no subscriber" in shipper_output(tmp_path), "the shipper says what it waits for")
        with hub_process(server.url) as hub:
            wait_lines(server, channel, 1)
            server.process.kill()
            server.process.wait()
            log.write("no Redis")
            log.rotate_by_rename()
            log.write("still none")
            with redis_server(port=server.port) as again:
                wait_lines(again, channel, 2)
                log.write("there it is")
                found = wait_lines(again, channel, 4)
                assert hub.ready()
    log.close()

    assert [json.loads(line)["info"] for line in found] == ["no hub", "no Redis", "still none", "there it is"]


def test_shipped_lines_wait_for_a_listening_hub_and_follow_a_fence(tmp_path: Path, channel: str) -> None:
    """Between its subscription and its first fence, a hub has no ids for lines."""
    log = LogFile(tmp_path / "app.log")
    with redis_server() as server, server.client() as client, client.pubsub() as half_a_hub:
        half_a_hub.psubscribe("*")
        with shipper(server, tmp_path, str(log.path), "--channel", channel, "--from-start"):
            log.write("first")
            wait_until(lambda: "has no subscriber" in shipper_output(tmp_path), "the shipper says what it waits for")
            half_a_hub.subscribe(Partition().fence_channel)
            heard = (each["channel"].decode() for each in half_a_hub.listen() if each["type"] == "pmessage")
            came = [next(heard), next(heard)]
    log.close()

    assert came == [Partition().fence_channel, channel]


async def test_the_shippers_rights_in_the_manual_are_enough(server: RedisServer, tmp_path: Path, channel: str) -> None:
    manual = (ROOT / "docs" / "publishers.md").read_text()
    (rule,) = re.findall(r"^ACL SETUSER shipper on >secret (.*) &app$", manual, re.M)
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "shipper", "on", ">secret", *rule.split(), f"&{channel}")
    (tmp_path / "app.log").write_text("one\ntwo\n")
    plan = ShipPlan(
        patterns=(str(tmp_path / "app.log"),),
        redis_url=server.url.replace("://", "://shipper:secret@"),
        registry=tmp_path / "positions.json",
        channel=channel,
        from_start=True,
        once=True,
    )

    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await ship_files(plan, asyncio.Event()) == 2

    assert len(await asyncio.to_thread(wait_lines, server, channel, 2)) == 2


def test_the_shipper_waits_for_a_frozen_redis(tmp_path: Path, channel: str) -> None:
    log = LogFile(tmp_path / "app.log")
    with redis_server() as server, hub_process(server.url) as hub:
        hub.wait_recording()
        with shipper(server, tmp_path, str(log.path), "--channel", channel, "--from-start"):
            log.write("one")
            wait_lines(server, channel, 1)
            server.freeze()
            log.write("two")
            wait_until(lambda: "redis_lost" in shipper_output(tmp_path), "the shipper has noticed")
            log.write("three")
            server.thaw()
            found = wait_lines(server, channel, 3)
    log.close()

    assert [json.loads(line)["info"] for line in found] == ["one", "two", "three"]


def test_a_long_catch_up_shows_a_progress_bar_in_a_terminal(server: RedisServer, tmp_path: Path, channel: str) -> None:
    (tmp_path / "app.log").write_text("".join(f"{n} {'x' * 500}\n" for n in range(60_000)))
    command = [sys.executable, "-m", "sse_hub.cli", "ship", str(tmp_path / "app.log"), "--from-start", "--once"]
    command += ["--channel", channel, "--registry", str(tmp_path / "positions.json"), "--redis-url", server.url]
    terminal, other = pty.openpty()
    termios.tcsetwinsize(other, (24, 120))
    process = subprocess.Popen(command, stdout=other, stderr=other, cwd=ROOT)
    os.close(other)
    shown = b""
    try:
        while data := os.read(terminal, 65_536):
            shown += data
    except OSError:
        # This is how the end of a terminal appears.
        pass
    os.close(terminal)

    assert process.wait(DEADLINE_SECONDS) == 0
    assert re.search(rb"catching up: +\d+%.*<.*lines/s", shown), shown


def test_sigterm_saves_the_shippers_positions(server: RedisServer, tmp_path: Path, channel: str) -> None:
    log = LogFile(tmp_path / "app.log")
    for number in range(3):
        with shipper(server, tmp_path, str(log.path), "--channel", channel, "--from-start"):
            log.write(f"{number} a", f"{number} b")
            wait_lines(server, channel, 2 * number + 2)
    wait_started(tmp_path)
    log.close()

    assert len(recorded_lines(server, channel)) == 6
    assert "catching up" not in shipper_output(tmp_path)
