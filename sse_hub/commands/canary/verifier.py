"""
Verifies what one reader received: lines received and lines reported by gaps must be the lines published, once, in
order, unaltered.

    PublishedLines ──────┐
    events in order ─────┴─> StreamVerifier.line(), .gap() --> StreamVerifier.counts() --> LineCounts

Pure; no I/O. The channel should be the canary's own: lost lines of other publishers may be counted as the canary's.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from sse_hub.commands.canary.latency import Latency
from sse_hub.commands.canary.lines import CanaryLines
from sse_hub.commands.canary.missing import MissingLines
from sse_hub.commands.canary.published import PublishedLines
from sse_hub.errors import InvalidId
from sse_hub.protocol.ids import Cursor

# A gap with such a reason overlaps lines received before it. It reaches back a few fences.
OVERLAPPING_REASONS = ("bus",)
FENCES_BACK = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCounts:
    """
    Lines by outcome, under the names they have in reports.

    `received` arrived at least once. `missing` neither arrived nor were reported. `told` are lost, and a gap reported
    them. `waiting` were published after the last line that arrived. `duplicated` counts arrivals excess the first,
    `reordered` arrivals of a line or an id after a higher one, `altered` texts other than the one published, `foreign`
    lines of other publishers.
    """

    received: int
    missing: int
    duplicated: int
    reordered: int
    altered: int
    told: int
    gaps: int
    waiting: int
    foreign: int


@dataclass(slots=True)
class _OpenGap:
    """
    The gaps since the last line.

    They can cover lines up to `last_covered`, `lost` of them if that is known. Of the lines in between, the first
    `outside_before` and the last `outside_after` are provably not covered.
    """

    last_covered: int
    lost: int | None
    outside_before: int
    before: Cursor | None
    outside_after: int = 0


class StreamVerifier:
    """Verifies one reader, which must have its position in the stream before the first line is published."""

    def __init__(self, published: PublishedLines, lines: CanaryLines) -> None:
        self.latency = Latency()
        self._published = published
        self._lines = lines
        self._missing = MissingLines(published)
        self._highest = 0
        self._last_id: Cursor | None = None
        self._gap: _OpenGap | None = None
        # Each of the last fences in ids, and the highest line received before the first one with that fence.
        self._fences: deque[tuple[int, int]] = deque(maxlen=FENCES_BACK)
        self._received = self._duplicated = self._reordered = self._altered = self._gaps = self._foreign = 0

    def line(self, id: str, data: str, at: float) -> None:
        """A `message` event with this `lastEventId` and data arrived at `at`, in seconds of the publisher's clock."""
        cursor = _parse_cursor(id)
        if cursor and self._gap:
            self._gap.outside_after += _lines_between(self._gap.before, cursor)
            self._gap.before = None
        if cursor and (not self._fences or cursor.fence > self._fences[-1][0]):
            self._fences.append((cursor.fence, self._highest))
        seq = self._lines.seq_of(data)
        if seq is None or not 0 < seq <= self._published.attempted:
            self._count_unpublished(data)
        else:
            self._altered += data != self._lines.line(seq)
            self._count_line(seq, cursor, at)
        if cursor and (self._last_id is None or cursor > self._last_id):
            self._last_id = cursor

    def gap(self, gap: Mapping[str, object]) -> None:
        """
        A `gap` event with this JSON arrived.

        It covers lines whose publishing began before it arrived and that follow the last line received. It must arrive
        before the next line. If it overlaps lines, it also covers what is missing among those received since its begin.
        """
        self._gaps += 1
        after, before, lost = _parse_cursor(gap.get("after")), _parse_cursor(gap.get("before")), gap.get("lost")
        if after and gap.get("reason") in OVERLAPPING_REASONS:
            at = bisect_left(self._fences, after.fence, key=lambda each: each[0])
            if at < len(self._fences):
                self._missing.report(self._fences[at][1] + 1, self._highest)
        number = lost if isinstance(lost, int) else None
        if self._gap is None:
            outside = _lines_up_to(self._last_id, after)
            self._gap = _OpenGap(self._published.attempted, number, outside, before)
            return
        self._gap.last_covered = self._published.attempted
        self._gap.lost = None if self._gap.lost is None or number is None else self._gap.lost + number
        self._gap.before = before

    @property
    def complete(self) -> bool:
        """True when all lines that were certainly published have been received or reported, or are missing."""
        return max(self._highest, self._gap.last_covered if self._gap else 0) >= self._published.last_confirmed()

    def counts(self, final: bool = False) -> LineCounts:
        """The counts so far. When `final`, nothing more will arrive: lines still waiting are reported or missing."""
        waiting = self._published.count_confirmed(self._highest + 1, self._published.attempted)
        told, missing = self._missing.count(reported=True), self._missing.count(reported=False)
        if final:
            remaining = MissingLines(self._published)
            self._add_missing(remaining, self._published.attempted)
            told, missing, waiting = told + remaining.count(reported=True), missing + remaining.count(reported=False), 0
        return LineCounts(
            received=self._received,
            missing=missing,
            duplicated=self._duplicated,
            reordered=self._reordered,
            altered=self._altered,
            told=told,
            gaps=self._gaps,
            waiting=waiting,
            foreign=self._foreign,
        )

    def _count_unpublished(self, data: str) -> None:
        if self._lines.run in data:
            self._altered += 1
        else:
            self._foreign += 1

    def _count_line(self, seq: int, cursor: Cursor | None, at: float) -> None:
        if seq > self._highest:
            self._add_missing(self._missing, seq - 1)
            self._missing.compact(seq)
            self._highest, self._gap = seq, None
            # The line is in order, but its id is not.
            self._reordered += bool(cursor and self._last_id and cursor <= self._last_id)
        elif self._missing.remove(seq):
            # If a connection died, Redis may have run its PUBLISH after later ones of another connection.
            self._reordered += not self._published.is_unsure(seq)
        else:
            self._duplicated += 1
            return
        self._received += 1
        published_at = self._published.published_at(seq)
        if published_at is not None:
            self.latency.add(at - published_at)

    def _add_missing(self, missing: MissingLines, last: int) -> None:
        """Add the lines from the last received one to `last` to `missing`, split by whether a gap covers them."""
        first = self._highest + 1
        if self._gap is None:
            missing.add(first, last, reported=False)
            return
        covered_from = first + self._gap.outside_before
        covered_to = min(last - self._gap.outside_after, self._gap.last_covered)
        if self._gap.lost is not None:
            excess = self._published.count_confirmed(covered_from, covered_to) - self._gap.lost
            covered_to -= max(0, excess)
        covered_from = min(covered_from, last + 1)
        covered_to = max(covered_to, covered_from - 1)
        missing.add(first, covered_from - 1, reported=False)
        missing.add(covered_from, covered_to, reported=True)
        missing.add(covered_to + 1, last, reported=False)


def _parse_cursor(id: object) -> Cursor | None:
    try:
        return Cursor.parse(str(id))
    except InvalidId:
        return None


def _lines_up_to(last: Cursor | None, after: Cursor | None) -> int:
    """The least number of lines after `last` and up to `after`."""
    if last is None or after is None or after <= last:
        return 0
    return after.counts[0] - (last.counts[0] if after.fence == last.fence else 0)


def _lines_between(before: Cursor | None, id: Cursor) -> int:
    """The least number of lines from `before` on and before `id`."""
    if before is None or id <= before:
        return 0
    first = max(1, before.counts[0]) if before.fence == id.fence else 1
    return id.counts[0] - first
