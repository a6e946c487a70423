"""Every line of a file is published once and in order, whatever happens to the file, the shipper and Redis."""

import json
import random
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import DEADLINE_SECONDS, at_scale
from tests.support.ship_command import LogFile, recorded_lines, shipper, shipper_output, wait_lines, wait_started
from tests.support.waiting import wait_until

LINES = at_scale(50_000, 1_000_000)
ROTATIONS = at_scale(4, 20)
KILLS = at_scale(2, 5)
LINES_PER_SECOND = at_scale(10_000, 20_000)
BLOCK_LINES = 50


class App(threading.Thread):
    """Writes numbered lines, and rotates in every way in turn. `written` and `rotations` count them so far."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.written = 0
        self.rotations = 0
        self._log = LogFile(path)
        self._chance = random.Random(4711)

    def run(self) -> None:
        began = time.monotonic()
        while self.written < LINES:
            block = range(self.written, min(self.written + BLOCK_LINES, LINES))
            lines = "".join(f"2026-11-21 12:00:00,{n % 1000:03} - shop.orders - INFO - paid {n}\n" for n in block)
            # Like a buffer that is flushed when full: a line may be written in two parts.
            cut = self._chance.randrange(len(lines))
            self._log.write_bytes(lines[:cut].encode())
            self._log.write_bytes(lines[cut:].encode())
            self.written = block.stop
            if self.written >= LINES * (self.rotations + 1) // (ROTATIONS + 1) and self.rotations < ROTATIONS:
                self._rotate()
            time.sleep(max(0.0, began + self.written / LINES_PER_SECOND - time.monotonic()))
        self._log.close()

    def wait(self, lines: int = 0, rotations: int = 0) -> None:
        """Return after that many lines (or all) and rotations."""
        seconds = LINES / LINES_PER_SECOND + DEADLINE_SECONDS
        rotations = min(rotations, ROTATIONS)
        wait_until(lambda: self.written >= lines and self.rotations >= rotations, "the app goes on", seconds)

    def _rotate(self) -> None:
        if self.rotations % 2:
            self._log.rotate_by_rename()
        else:
            self._log.rotate_by_copy()
        if self.rotations % 3 == 2:
            self._log.compress(3)
        self.rotations += 1


def numbers(lines: list[bytes]) -> list[int]:
    return [int(json.loads(line)["info"].rpartition(" ")[2]) if line else -1 for line in lines]


def test_rotations_and_kills_of_the_shipper_lose_and_repeat_no_line(
    deployed: tuple[RedisServer, HubProcess], tmp_path: Path
) -> None:
    server, _ = deployed
    app = App(tmp_path / "paid.log")

    with ExitStack() as stack:
        process = stack.enter_context(shipper(server, tmp_path, str(tmp_path / "*.log"), "--from-start"))
        app.start()
        wait_started(tmp_path)
        for kill in range(KILLS):
            at = LINES * (kill + 1) // (KILLS + 1)
            app.wait(lines=at)
            process.kill()
            process.wait()
            if kill % 2:
                # A rotation while no shipper runs.
                app.wait(rotations=app.rotations + 1)
            process = stack.enter_context(shipper(server, tmp_path, str(tmp_path / "*.log"), "--from-start"))
        app.join()
        lines = wait_lines(server, "paid", LINES)

    found = numbers(lines)
    assert app.rotations == ROTATIONS
    assert (len(found), len(set(found))) == (LINES, LINES), shipper_output(tmp_path)
    assert found == list(range(LINES)), "the order has changed"
    assert recorded_lines(server, "paid") == lines
