"""
The verdict on what one reader received: received and told together are what was published, once, in order, unaltered.

    Ledger (what was published) ──┐
    events in their order ────────┴─> Judge.line(), Judge.gap() --> Judge.tally() --> Tally

Pure; no I/O. The channel should be the canary's own: where others publish too, their losses may count as its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sse_hub.commands.canary.latency import Latency
from sse_hub.commands.canary.ledger import Ledger
from sse_hub.commands.canary.lines import CanaryLines
from sse_hub.commands.canary.missing import MissingLines
from sse_hub.errors import InvalidId
from sse_hub.protocol.ids import Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    Lines by what became of them.

    `received` were received, once or more often; `missing` neither received nor told; `told` lost, and a gap said so;
    `waiting` published after the last one received. `duplicated` counts receipts beyond the first, `reordered` those
    of a line or an id after a higher one, `altered` other text than was published, `foreign` lines of others.
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
    """Gaps since the last line: what they can cover. `lead` and `trail` lines are provably outside their bounds."""

    reach: int
    lost: int | None
    lead: int
    before: Cursor | None
    trail: int = 0


class Judge:
    """Judges one reader, which has to have its place in the stream before the first line is published."""

    def __init__(self, ledger: Ledger, lines: CanaryLines) -> None:
        self.latency = Latency()
        self._ledger = ledger
        self._lines = lines
        self._missing = MissingLines(ledger)
        self._high = 0
        self._last_id: Cursor | None = None
        self._gap: _OpenGap | None = None
        self._received = self._duplicated = self._reordered = self._altered = self._gaps = self._foreign = 0

    def line(self, id: str, data: str, at: float) -> None:
        """A `message` event with this `lastEventId` and data arrived at `at`, in seconds of the ledger's clock."""
        cursor = _cursor(id)
        if cursor and self._gap:
            self._gap.trail += _lines_between(self._gap.before, cursor)
            self._gap.before = None
        seq = self._lines.seq_of(data)
        if seq is None or not 0 < seq <= self._ledger.begun:
            self._not_published(data)
        else:
            self._altered += data != self._lines.line(seq)
            self._place(seq, cursor, at)
        if cursor and (self._last_id is None or cursor > self._last_id):
            self._last_id = cursor

    def gap(self, gap: Mapping[str, object]) -> None:
        """
        A `gap` event with this JSON arrived.

        It covers lines that were begun before it came and follow the last line received. One that comes after
        the next line is too late.
        """
        self._gaps += 1
        after, before, lost = _cursor(gap.get("after")), _cursor(gap.get("before")), gap.get("lost")
        number = lost if isinstance(lost, int) else None
        if self._gap is None:
            lead = _lines_up_to(self._last_id, after)
            self._gap = _OpenGap(self._ledger.begun, number, lead, before)
            return
        self._gap.reach = self._ledger.begun
        self._gap.lost = None if self._gap.lost is None or number is None else self._gap.lost + number
        self._gap.before = before

    @property
    def settled(self) -> bool:
        """True when all that was published for certain has been passed, received or told."""
        return max(self._high, self._gap.reach if self._gap else 0) >= self._ledger.last_sure()

    def verdict(self, final: bool = False) -> Verdict:
        """What is known now. When `final`, nothing more is to come: what still waits is told or missing."""
        waiting = self._ledger.sure_between(self._high + 1, self._ledger.begun)
        told, missing = self._missing.count(told=True), self._missing.count(told=False)
        if final:
            rest = MissingLines(self._ledger)
            self._open(rest, self._ledger.begun)
            told, missing, waiting = told + rest.count(told=True), missing + rest.count(told=False), 0
        return Verdict(
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

    def _not_published(self, data: str) -> None:
        if self._lines.run in data:
            self._altered += 1
        else:
            self._foreign += 1

    def _place(self, seq: int, cursor: Cursor | None, at: float) -> None:
        if seq > self._high:
            self._open(self._missing, seq - 1)
            self._missing.settle(seq)
            self._high, self._gap = seq, None
            # The line is in its place, and its id is not.
            self._reordered += bool(cursor and self._last_id and cursor <= self._last_id)
        elif self._missing.fill(seq):
            # Of one whose connection died Redis may have run the PUBLISH after later ones, of another connection.
            self._reordered += not self._ledger.is_unsure(seq)
        else:
            self._duplicated += 1
            return
        self._received += 1
        published_at = self._ledger.published_at(seq)
        if published_at is not None:
            self.latency.add(at - published_at)

    def _open(self, holes: MissingLines, last: int) -> None:
        """Add to `holes` the lines from the last received to `last`: what the gaps since cover, and what they don't."""
        first = self._high + 1
        if self._gap is None:
            holes.add(first, last, told=False)
            return
        told_from = first + self._gap.lead
        told_to = min(last - self._gap.trail, self._gap.reach)
        if self._gap.lost is not None:
            beyond = self._ledger.sure_between(told_from, told_to) - self._gap.lost
            told_to -= max(0, beyond)
        told_from = min(told_from, last + 1)
        told_to = max(told_to, told_from - 1)
        holes.add(first, told_from - 1, told=False)
        holes.add(told_from, told_to, told=True)
        holes.add(told_to + 1, last, told=False)


def _cursor(id: object) -> Cursor | None:
    try:
        return Cursor.parse(str(id))
    except InvalidId:
        return None


def _lines_up_to(last: Cursor | None, after: Cursor | None) -> int:
    """How many lines must lie after `last` and not after `after`, at least."""
    if last is None or after is None or after <= last:
        return 0
    return after.counts[0] - (last.counts[0] if after.fence == last.fence else 0)


def _lines_between(before: Cursor | None, id: Cursor) -> int:
    """How many lines must lie from `before` on and before `id`, at least."""
    if before is None or id <= before:
        return 0
    first = max(1, before.counts[0]) if before.fence == id.fence else 1
    return id.counts[0] - first
