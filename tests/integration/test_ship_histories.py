"""
Random histories of a log file, its rotator and its shipper, without Redis in between.

Whatever happens in whatever order, the lines that were published are the lines that were written.
"""

import random
from pathlib import Path

import pytest

from sse_hub.commands.ship.folder import read_statuses
from sse_hub.commands.ship.registry import Registry
from sse_hub.commands.ship.rotation import RotationTracker
from tests.integration.shipping import LogFile
from tests.rig import at_scale

STEPS = 60


class History:
    """One of them. `published` are the lines so far; `remembered` is what Redis would know."""

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
        for token, state in self.registry.files.items():
            state.offset = max(state.offset, self.remembered.get(token, 0))
        self.trail = RotationTracker(self.folder / "app.log", "app", False, self.registry, new=True)

    def write(self) -> None:
        """A line, or some; sometimes in two parts, with something in between."""
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
        known = len(self.registry.files)
        self.trail.scan(read_statuses(self.folder))
        if len(self.registry.files) != known:
            self.registry.save()
        if self.chance.random() < 0.8:
            self.move()

    def move(self) -> None:
        """Publish some, or all there is."""
        for _ in range(self.chance.choice((1, 2, 1_000))):
            batches = self.trail.batches()
            batch = next(batches, None)
            batches.close()
            if batch is None:
                return
            assert self.remembered.get(batch.token, batch.start) == batch.start
            self.published += batch.lines
            self.remembered[batch.token] = self.registry.files[batch.token].offset = batch.end

    def save(self) -> None:
        self.trail.mark()
        self.registry.save()

    def kill(self) -> None:
        """SIGKILL, and a new one, now or later."""
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
            self.trail.scan(read_statuses(self.folder))
            self.registry.save()
            while batch := next(self.trail.batches(), None):
                self.published += batch.lines
                self.registry.files[batch.token].offset = batch.end
        self.trail.close()
        self.registry.close()
        self.log.close()


@pytest.mark.parametrize("seed", range(at_scale(100, 3_000)))
def test_what_is_published_is_what_was_written(seed: int, tmp_path: Path) -> None:
    history = History(tmp_path, seed)

    history.run()

    assert [line.split()[0] for line in history.published] == [line.split()[0] for line in history.written], (
        history.said
    )
    assert history.published == history.written
