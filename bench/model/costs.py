"""
What a hub's work costs, and how these costs are fitted to measured points. Pure; no I/O.

    Points (CPU per second under a known workload) --> fit_costs() --> Costs --> simulate.py

Each cost is fitted to the points where little else matters: an idle hub, lines without subscribers, then subscribers.
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
# See sse_hub/history/recorder.py, and SCRIPT_LINES in sse_hub/history/append_batch.py.
FLUSH_SECONDS = 0.05
FEW_BYTES = 32 * 1024
FEW_TIMES = 5
SCRIPT_LINES = 500


@dataclass(frozen=True, slots=True)
class Workload:
    """
    `rate` is lines per second, published `burst` at once; `size` is bytes per line; `batch` stands for `batch=1`.
    """

    clients: int
    rate: float
    burst: int = 1
    size: int = 200
    batch: bool = False

    @property
    def deliveries(self) -> float:
        """Deliveries per second."""
        return self.clients * self.rate

    def chunk_bytes(self, lines: float) -> float:
        """Return the bytes of a chunk with `lines`, as written to each subscriber."""
        return lines * (self.size + FRAME_BYTES) + CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class Point:
    """
    Measurements under one workload, one number per run.

    `cpu_us` is the hub's CPU and `reader_us` that of the load client, in µs per delivery; without subscribers,
    `ms_per_second` is the hub's CPU in ms per second. `floor_p99_ms` is the C floor's p99 in the same rounds.
    """

    key: str
    workload: Workload
    cpu_us: tuple[float, ...] = ()
    ms_per_second: tuple[float, ...] = ()
    chunk_lines: tuple[float, ...] = ()
    reader_us: tuple[float, ...] = ()
    p50_ms: tuple[float, ...] = ()
    p99_ms: tuple[float, ...] = ()
    floor_p99_ms: tuple[float, ...] = ()

    @property
    def share(self) -> float:
        """The hub's CPU as a share of a core: the median of the runs."""
        if self.ms_per_second:
            return median(self.ms_per_second) / 1e3
        return median(self.cpu_us) * self.workload.deliveries / 1e6

    @property
    def reader_share(self) -> float:
        """The load client's CPU as a share of a core: the median of the runs."""
        return median(self.reader_us) * self.workload.deliveries / 1e6


@dataclass(frozen=True, slots=True)
class Costs:
    """
    CPU in µs, unless the name says otherwise.

    `idle_share` is a share of a core, for a hub with nothing to do; `wake_us` is for a read from Redis and a flush of
    the feeds; `line_us` for parsing, numbering, encoding and recording a line; `flush_us` for a script of the recorder;
    `send_us` and `byte_ns` for a chunk written to one socket and each of its bytes, including the kernel's part.
    `read_us` and `read_line_us` are the load client's, for reading a chunk and each line in it.
    """

    idle_share: float
    wake_us: float
    line_us: float
    flush_us: float
    send_us: float
    byte_ns: float
    read_us: float
    read_line_us: float

    def chunk_us(self, lines: float) -> float:
        """Return the cost of making a chunk of `lines`, before it is written to any subscriber."""
        return self.wake_us + lines * self.line_us

    def write_us(self, workload: Workload, lines: float) -> float:
        """Return the cost of writing a chunk of `lines` to one subscriber."""
        return self.send_us + workload.chunk_bytes(lines) * self.byte_ns / 1e3

    def least_share(self, workload: Workload) -> float:
        """
        Return the share of a core that `workload` takes however many lines share a chunk. At 1 or more, the hub falls
        behind.
        """
        us_per_line = self.line_us + workload.clients * (workload.size + FRAME_BYTES) * self.byte_ns / 1e3
        return self.idle_share + workload.rate * us_per_line / 1e6


def gather_seconds(workload: Workload) -> float:
    """Return how long the recorder gathers lines before a script: the fewer they are, the longer."""
    times = math.ceil(FEW_BYTES / (workload.rate * workload.size * FLUSH_SECONDS))
    return FLUSH_SECONDS * min(times, FEW_TIMES)


def scripts_per_second(workload: Workload) -> float:
    """
    Return the recorder's scripts per second: one per burst, at most 4 to 20 (see gather_seconds()), but at least one
    per SCRIPT_LINES lines.
    """
    return max(min(workload.rate / workload.burst, 1 / gather_seconds(workload)), workload.rate / SCRIPT_LINES)


def fit_costs(points: Sequence[Point]) -> Costs:
    """
    Return the costs that explain `points`.

    The first five are without subscribers: idle, then a low, a middle, a high and a very high rate. Any number of
    points with subscribers follow.
    """
    idle, low, middle, high, highest, *with_subscribers = points
    # The number of reads is about the same in these two: the publisher writes every 250 µs.
    line_us = (highest.share - high.share) * 1e6 / (highest.workload.rate - high.workload.rate)
    # In these two, each line arrives alone, and the number of scripts is known: two equations for the two costs.
    low_scripts, middle_scripts = scripts_per_second(low.workload), scripts_per_second(middle.workload)
    low_us, middle_us = ((point.share - idle.share) * 1e6 for point in (low, middle))
    single_line_us = (low_us * middle_scripts - middle_us * low_scripts) / (
        low.workload.rate * middle_scripts - middle.workload.rate * low_scripts
    )
    flush_us = (low_us - low.workload.rate * single_line_us) / low_scripts
    wake_us = single_line_us - line_us
    send_rows, read_rows = [], []
    for point in with_subscribers:
        workload, lines = point.workload, median(point.chunk_lines)
        chunks = workload.rate / lines
        scripts_us = scripts_per_second(workload) * flush_us
        share_before_sending = idle.share + (chunks * (wake_us + lines * line_us) + scripts_us) / 1e6
        writes = chunks * workload.clients / 1e6
        # Divided by the measured share, so that errors count relative to it.
        send_rows.append(
            (
                writes / point.share,
                writes * workload.chunk_bytes(lines) / point.share,
                (point.share - share_before_sending) / point.share,
            )
        )
        read_rows.append((writes / point.reader_share, writes * lines / point.reader_share, 1.0))
    send_us, byte_us = least_squares(send_rows)
    read_us, read_line_us = least_squares(read_rows)
    return Costs(idle.share, wake_us, line_us, flush_us, send_us, byte_us * 1e3, read_us, read_line_us)


def least_squares(rows: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Return the (x, y) that minimise the sum of (a·x + b·y - c)² over all rows (a, b, c), by the normal equations."""
    aa = sum(a * a for a, _, _ in rows)
    ab = sum(a * b for a, b, _ in rows)
    bb = sum(b * b for _, b, _ in rows)
    ac = sum(a * c for a, _, c in rows)
    bc = sum(b * c for _, b, c in rows)
    determinant = aa * bb - ab * ab
    return (ac * bb - bc * ab) / determinant, (bc * aa - ac * ab) / determinant
