"""
Counts over recorded lines, per step of time, from the newest line back. One request reads a bounded number of lines,
for a bounded time, into a bounded memory.

    HistoryQuery.iterate_back() --> count_lines() --> LineCounter --> Tally: ValueCounts, NumberCounts
                                                          └──► the id before which to go on, and the gaps

The time of a line is when it came.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from sse_hub.filters.compile import Filter
from sse_hub.filters.line import FilteredLine
from sse_hub.history.filtered_runs import gap_for
from sse_hub.history.log_range import LogRange
from sse_hub.history.merge import Item, OutOfTime, RecordedLine, SortKey
from sse_hub.history.query import ReserveBytes, reached_id
from sse_hub.hub.backend import LogGap
from sse_hub.hub.fair_lock import FairLock, take_in_slices
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.line_ids import SeenLineIds

MAX_COUNTED_LINES = 50_000
MAX_READ_BYTES = 64 * 1024 * 1024
MAX_TALLY_BYTES = 8 * 1024 * 1024
MAX_ANSWER_STEPS = 500
# About what Python needs to remember the line id of a line.
LINE_ID_BYTES = 200

# Steps that people count in, in seconds: what is not given is the first of these with which a range has few enough.
NICE_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 180, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800),
)
USUAL_STEPS = 120


def usual_step_seconds(range_ms: int) -> int:
    """The step for a range of this length: it has about USUAL_STEPS of them at most."""
    # The last hour until now is a moment longer when it is counted.
    return next((step for step in NICE_STEPS if range_ms < step * 1000 * (USUAL_STEPS + 1)), NICE_STEPS[-1])


class Tally(Protocol):
    """What is counted of each line. `size` is about how many bytes that takes so far."""

    size: int

    def add(self, line: FilteredLine, step: int) -> None:
        """Count a line of the step that begins at `step`, in ms since the epoch."""


@dataclass(frozen=True, slots=True)
class Question:
    """
    Which lines are counted, and per which step.

    They match `filter`, if there is one, and came since `begin_ms` and before `end_ms`, if those are times.
    """

    step_ms: int
    filter: Filter | None = None
    begin_ms: int | None = None
    end_ms: int | None = None

    def includes(self, moment_ms: int) -> bool:
        """Whether a line is in the range that came at `moment_ms`."""
        if self.begin_ms is not None and moment_ms < self.begin_ms:
            return False
        return self.end_ms is None or moment_ms < self.end_ms


class LineCounter:
    """
    Counts the lines of a sequence that goes back in time, until the answer to `question` is as large as it may be.

    `steps` has the number of lines for each step, by the time at which it begins; what else is to be counted of them, a
    `tally` counts. `reached` is the id of the last line looked at.
    """

    def __init__(self, question: Question, tally: Tally | None) -> None:
        self.steps: dict[int, int] = {}
        self.gaps: list[LogGap] = []
        self.looked_at = 0
        self.reached: EventId | None = None
        self._question = question
        self._tally = tally
        self._bytes = 0
        self._last_key: SortKey | None = None
        self._late_gaps: list[LogGap] = []
        self._seen = SeenLineIds()

    @property
    def size(self) -> int:
        """About how many bytes the counts take."""
        return (self._tally.size if self._tally else 0) + LINE_ID_BYTES * self.looked_at

    def take(self, keyed: Item) -> bool:
        """Count the next item. False if the answer is full, and the item belongs to the next one."""
        key, item = keyed
        if isinstance(item, LogGap):
            # Behind the last line of a full answer, it belongs to this one only if no line follows.
            (self._late_gaps if self._is_full() and key != self._last_key else self.gaps).append(item)
            return True
        step = item.moment - item.moment % self._question.step_ms
        # Lines with the same id on several channels stay together, as the next answer goes on before that id.
        if key != self._last_key and self._is_full(step):
            return False
        self._last_key, self.reached = key, item.id
        self.looked_at += 1
        self._bytes += len(item.text)
        if self._seen.is_repeat(item.channel, item.text):
            return True
        if self._question.includes(item.moment):
            self._count(item, step)
        return True

    def _count(self, item: RecordedLine, step: int) -> None:
        line, filter = FilteredLine(item.text, item.channel, str(item.id), item.moment), self._question.filter
        if filter and filter.is_too_dear(line):
            self.gaps.append(gap_for(item))
        elif filter is None or filter.matches(line):
            self.steps[step] = self.steps.get(step, 0) + 1
            if self._tally:
                self._tally.add(line, step)

    def end(self) -> None:
        """There are no more items."""
        self.gaps += self._late_gaps

    def _is_full(self, step: int | None = None) -> bool:
        return (
            self.looked_at >= MAX_COUNTED_LINES
            or self._bytes >= MAX_READ_BYTES
            or (self._tally is not None and self._tally.size >= MAX_TALLY_BYTES)
            or (len(self.steps) >= MAX_ANSWER_STEPS and step not in self.steps)
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """
    What was counted. `reached` is the id before which the next answer goes on, None if there was no line; `more` says
    whether lines lie before it.
    """

    counter: LineCounter
    reached: EventId | None
    more: bool


async def count_lines(
    log_range: LogRange,
    runs: AsyncIterator[list[Item]],
    question: Question,
    tally: Tally | None,
    reserve: ReserveBytes,
    fair_lock: FairLock,
) -> Counted:
    """
    Count the lines of `runs`, which are those of `log_range` from new to old, into `tally`, a slice at a time.

    It ends early when the answer is as large as it may be, and when `runs` raises OutOfTime. `reserve` gets the size of
    the counts as it grows. Raises what `runs` and `reserve` raise.
    """
    counter = LineCounter(question, tally)
    try:
        async for run in runs:
            if not await take_in_slices(run, counter.take, fair_lock):
                return Counted(counter, counter.reached, True)
            reserve(counter.size)
    except OutOfTime as error:
        return Counted(counter, reached_id(error.key, log_range), True)
    counter.end()
    return Counted(counter, counter.reached, False)
