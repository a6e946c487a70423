"""
Random histories of a log file, its rotator and its shipper, without Redis in between.

In any order of events, exactly the written lines are published.
"""

import random
from pathlib import Path

import pytest

from sse_hub.commands.ship.folder import read_statuses
from sse_hub.commands.ship.registry import Registry
from sse_hub.commands.ship.rotation import RotationTracker
from sse_hub.commands.shipping.records import LineFormat
from tests.support.settings import at_scale
from tests.support.ship_command import LogFile

STEPS = 60


class History:
    """One history. `published` has the lines so far; `remembered` is the position that Redis would store."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.log = LogFile(folder / "app.log")
        self.folder = folder
        self.written: list[bytes] = []
        self.published: list[bytes] = []
        self.said: list[str] = []
        self.remembered: dict[str, int] = {}
        self._begin()

    def _begin(self) -> None:
        self.registry = Registry(self.folder / "state" / "positions.json")
        for token, state in self.registry.states.items():
            state.offset = max(state.offset, self.remembered.get(token, 0))
        self.trail = RotationTracker(self.folder / "app.log", "app", LineFormat(), self.registry, from_start=True)

    def write(self) -> None:
        """Write one or more lines, sometimes in two parts with another step in between."""
        lines = [b"%d %s" % (len(self.written), b"x" * self.chance.choice((0, 5, 2_000))) for _ in range(1)]
        for _ in range(self.chance.choice((0, 1, 3, 60))):
            lines.append(b"%d" % (len(self.written) + len(lines)))
        data = b"".join(line + b"\n" for line in lines)
        cut = self.chance.randrange(len(data))
        self.log.write_bytes(data[:cut])
        if self.chance.random() < 0.3:
            self.look()
        self.log.write_bytes(data[cut:])
        self.written += lines

    def look(self) -> None:
        known = len(self.registry.states)
        self.trail.scan(read_statuses(self.folder, ["app.log"]))
        if len(self.registry.states) != known:
            self.registry.save()
        if self.chance.random() < 0.8:
            self.move()

    def move(self) -> None:
        """Publish some or all available lines."""
        for _ in range(self.chance.choice((1, 2, 1_000))):
            batches = self.trail.batches()
            batch = next(batches, None)
            batches.close()
            if batch is None:
                return
            assert self.remembered.get(batch.token, batch.start) == batch.start
            self.published += batch.lines
            self.remembered[batch.token] = self.registry.states[batch.token].offset = batch.end

    def save(self) -> None:
        self.trail.update_fingerprints()
        self.registry.save()

    def kill(self) -> None:
        """SIGKILL the shipper, and start a new one, now or later."""
        self.trail.close()
        self.registry.close()
        for _ in range(self.chance.choice((0, 0, 2, 6))):
            self.app_goes_on()
        self._begin()

    def app_goes_on(self) -> None:
        data = b"%d\n" % len(self.written)
        self.log.write_bytes(data)
        self.written.append(data[:-1])
        step = self.chance.choice((None, self.log.rotate_by_rename, self.log.rotate_by_copy, self.compress))
        if step:
            step()

    def compress(self) -> None:
        self.log.compress(self.chance.randrange(1, 5))

    def run(self) -> None:
        steps = {
            self.write: 6,
            self.look: 6,
            self.save: 2,
            self.kill: 1,
            self.log.rotate_by_rename: 1,
            self.log.rotate_by_copy: 1,
            self.compress: 1,
        }
        for step in self.chance.choices(list(steps), list(steps.values()), k=STEPS):
            self.said.append(step.__name__)
            step()
        for _ in range(20):
            self.trail.scan(read_statuses(self.folder, ["app.log"]))
            self.registry.save()
            while batch := next(self.trail.batches(), None):
                self.published += batch.lines
                self.registry.states[batch.token].offset = batch.end
        self.trail.close()
        self.registry.close()
        self.log.close()


@pytest.mark.parametrize("seed", range(at_scale(100, 3_000)))
def test_over_random_histories_the_published_lines_are_the_written_lines(seed: int, tmp_path: Path) -> None:
    history = History(tmp_path, seed)

    history.run()

    assert [line.split()[0] for line in history.published] == [line.split()[0] for line in history.written], (
        history.said
    )
    assert history.published == history.written
