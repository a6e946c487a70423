"""
What a hub's work costs, and how that is read off measured points. Pure; no I/O.

    Points (CPU a second under a known load) --> fitted() --> Costs --> bench/model/simulate.py

Each cost comes from the points where little else is paid: an idle hub, lines that nobody watches, then subscribers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# What an SSE frame adds to a line: `id:`, `event:`, `data:`, line ends (docs/protocol.md), with an id of 15 to 17
# characters.
FRAME_BYTES = 45
# The head and the end of an HTTP chunk.
CHUNK_BYTES = 7
# See sse_hub/recorder.py, and SCRIPT_LINES in sse_hub/portions.py.
FLUSH_SECONDS = 0.05
FEW_BYTES = 32 * 1024
FEW_TIMES = 5
SCRIPT_LINES = 500


@dataclass(frozen=True, slots=True)
class Load:
    """`rate` is lines a second, `burst` of which come at once; `size` is bytes a line; `batch` is `batch=1`."""

    clients: int
    rate: float
    burst: int = 1
    size: int = 200
    batch: bool = False

    @property
    def deliveries(self) -> float:
        """A second."""
        return self.clients * self.rate

    def chunk_bytes(self, lines: float) -> float:
        """Bytes of a chunk with `lines`, as it is written to each subscriber."""
        return lines * (self.size + FRAME_BYTES) + CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class Point:
    """
    What was measured under a load, one number for each run.

    `cpu_us` is the hub's CPU and `reader_us` that of the load client, in µs for each delivery; `ms_a_second`, where
    nobody watches, is the hub's CPU in ms a second. `floor_p99_ms` is the C floor's p99 in the same rounds.
    """

    key: str
    load: Load
    cpu_us: tuple[float, ...] = ()
    ms_a_second: tuple[float, ...] = ()
    chunk_lines: tuple[float, ...] = ()
    reader_us: tuple[float, ...] = ()
    p50_ms: tuple[float, ...] = ()
    p99_ms: tuple[float, ...] = ()
    floor_p99_ms: tuple[float, ...] = ()

    @property
    def share(self) -> float:
        """The hub's CPU, of a core: the median of the runs."""
        if self.ms_a_second:
            return median(self.ms_a_second) / 1e3
        return median(self.cpu_us) * self.load.deliveries / 1e6

    @property
    def reader_share(self) -> float:
        """The same of the load client."""
        return median(self.reader_us) * self.load.deliveries / 1e6


@dataclass(frozen=True, slots=True)
class Costs:
    """
    CPU in µs, unless the name says otherwise.

    `idle_share` is of a core, with nobody there; `wake_us` for a read from Redis and a turn of the feeds; `line_us` for
    a line parsed, given its id, encoded and recorded; `flush_us` for a script of the recorder; `send_us` and `byte_ns`
    for a chunk written to one socket, the kernel's part included. `read_us` and `read_line_us` are the load client's:
    for a chunk read, and each line in it.
    """

    idle_share: float
    wake_us: float
    line_us: float
    flush_us: float
    send_us: float
    byte_ns: float
    read_us: float
    read_line_us: float

    def head_us(self, lines: float) -> float:
        """What a chunk of `lines` costs before it is written to anybody."""
        return self.wake_us + lines * self.line_us

    def write_us(self, load: Load, lines: float) -> float:
        """What it costs to write it to one subscriber."""
        return self.send_us + load.chunk_bytes(lines) * self.byte_ns / 1e3

    def least_share(self, load: Load) -> float:
        """
        The share of a core that `load` takes however many lines share a chunk. At 1 and beyond, the hub falls behind.
        """
        a_line = self.line_us + load.clients * (load.size + FRAME_BYTES) * self.byte_ns / 1e3
        return self.idle_share + load.rate * a_line / 1e6


def gather_seconds(load: Load) -> float:
    """How long the recorder lets lines gather: the longer, the fewer they are."""
    times = math.ceil(FEW_BYTES / (load.rate * load.size * FLUSH_SECONDS))
    return FLUSH_SECONDS * min(times, FEW_TIMES)


def flushes(load: Load) -> float:
    """Scripts of the recorder a second: one for a burst, but 4 to 20 at most, and one for 500 lines at least."""
    return max(min(load.rate / load.burst, 1 / gather_seconds(load)), load.rate / SCRIPT_LINES)


def fitted(points: Sequence[Point]) -> Costs:
    """
    The costs that explain `points`, which are: idle; a low, a middle, a high and a very high rate that nobody watches;
    and any number with subscribers.
    """
    idle, low, middle, high, highest, *watched = points
    # Between these two the number of reads is about the same: the publisher writes every 250 µs.
    line_us = (highest.share - high.share) * 1e6 / (highest.load.rate - high.load.rate)
    # At these two every line comes alone, and there are so many scripts: two equations for what both cost.
    few, more = flushes(low.load), flushes(middle.load)
    low_us, middle_us = ((point.share - idle.share) * 1e6 for point in (low, middle))
    alone_us = (low_us * more - middle_us * few) / (low.load.rate * more - middle.load.rate * few)
    flush_us = (low_us - low.load.rate * alone_us) / few
    wake_us = alone_us - line_us
    sent, read = [], []
    for point in watched:
        load, lines = point.load, median(point.chunk_lines)
        chunks = load.rate / lines
        unsent = idle.share + (chunks * (wake_us + lines * line_us) + flushes(load) * flush_us) / 1e6
        writes = chunks * load.clients / 1e6
        # Each point counts by how far it is off, of what was measured there.
        sent.append(
            (writes / point.share, writes * load.chunk_bytes(lines) / point.share, (point.share - unsent) / point.share)
        )
        read.append((writes / point.reader_share, writes * lines / point.reader_share, 1.0))
    send_us, byte_us = least_squares(sent)
    read_us, read_line_us = least_squares(read)
    return Costs(idle.share, wake_us, line_us, flush_us, send_us, byte_us * 1e3, read_us, read_line_us)


def least_squares(rows: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """The (x, y) for which a·x + b·y is closest to c over all rows (a, b, c), by the sum of squares."""
    aa = sum(a * a for a, _, _ in rows)
    ab = sum(a * b for a, b, _ in rows)
    bb = sum(b * b for _, b, _ in rows)
    ac = sum(a * c for a, _, c in rows)
    bc = sum(b * c for _, b, c in rows)
    determinant = aa * bb - ab * ab
    return (ac * bb - bc * ab) / determinant, (bc * aa - ac * ab) / determinant
