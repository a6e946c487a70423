"""
The judge of faults: what was published, against what clients were given and told. Pure: no I/O.

    Sent of all publishers, History of all clients, replays and logs --> judge() --> Verdict

A line is *missing* for a client if it was owed to it and it did not get it. It is *told* if a gap lies, at least in
part, between the lines of the same publisher around it; the publisher's lines are in order at the server that orders
them. A gap may overlap lines that were delivered. Else the line is lost in *silence*.

A line is owed only if its publisher knows that it got through. One that was answered with an error, with nothing in
time, or (where that means something) with no receivers, is *doubtful*: it may come or not, and it may come late. So it
is no loss and no repeat, and no bound for other lines. But its ids must be equal, as all ids must.
"""

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.support.load import Id

FIRST, LAST = Id(0, 0), Id(1 << 62, 0)


class Number(NamedTuple):
    """What identifies a line: its publisher and number. A publisher counts each channel by itself."""

    publisher: str
    channel: str
    seq: int


class Sent(NamedTuple):
    """A line that was sent `at` a monotonic time. It is `doubtful` if its publisher does not know of a receiver."""

    number: Number
    at: float
    doubtful: bool


class Got(NamedTuple):
    """A line that a client got, a log has, or a replay brought. `id` is None where the form has no ids."""

    channel: str
    id: Id
    text: str

    @property
    def number(self) -> Number:
        """Raises ValueError or KeyError if no publisher of ours made it."""
        line = json.loads(self.text)
        return Number(line["publisher"], self.channel, int(line["seq"]))


class Gap(NamedTuple):
    """A gap that a client was told: of a channel or pattern, or, if that is "", of all its channels."""

    channel: str
    after: Id
    before: Id
    reason: str

    def overlaps(self, low: Id, high: Id) -> bool:
        """True if a line between `low` and `high`, both exclusive, may have been in this gap."""
        after, before = max(low, self.after), min(high, self.before)
        if self.reason == "bus":
            # What is lost there has never had an id: its neighbours follow one another.
            return after < before
        return Id(after.fence, after.n + 1) < before

    def covers(self, channel: str) -> bool:
        return self.channel in ("", channel) or "*" in self.channel


@dataclass
class History:
    """
    What one reader got, in order, of `channels`.

    It is owed what was sent from `since` to `until`, monotonic times. It began after the id `begin`.
    """

    name: str
    channels: Sequence[str]
    items: list[Got | Gap] = field(default_factory=list)
    since: float = 0.0
    until: float = float("inf")
    begin: Id = FIRST

    @property
    def gaps(self) -> list[Gap]:
        return [item for item in self.items if isinstance(item, Gap)]

    @property
    def lines(self) -> list[Got]:
        return [item for item in self.items if isinstance(item, Got)]

    def dead(self, line: Got) -> bool:
        """True if the reader was told later that `line` is of a dead branch: its id means nothing to others."""
        return any(
            gap.reason == "forked" and gap.covers(line.channel) and gap.after < line.id < gap.before
            for gap in self.gaps
        )


@dataclass
class Verdict:
    """
    How many lines were owed and delivered, and what is wrong, as texts for people.

    `told` counts missing lines that a gap told of, by reader; `late` counts doubtful lines that came. The rest must be
    empty: `silent` (missing without a gap, or ids that jump without one), `twice`, `different` (a line with two ids, or
    an id with two lines), `disordered` (an id that does not rise), `unknown` (a line that nobody has sent).
    """

    owed: int = 0
    delivered: int = 0
    late: int = 0
    told: Counter[str] = field(default_factory=Counter)
    silent: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """True if nothing is wrong."""
        return not (self.silent or self.twice or self.different or self.disordered or self.unknown)

    def __str__(self) -> str:
        wrong = {name: getattr(self, name) for name in ("silent", "twice", "different", "disordered", "unknown")}
        counts = ", ".join(f"{len(found)} {name}" for name, found in wrong.items())
        some = "".join(f"\n  {name}: {each}" for name, found in wrong.items() for each in found[:5])
        told = dict(self.told) or 0
        return f"{self.delivered} delivered of {self.owed}, told {told}, {self.late} late, {counts}{some}"


def judge(sent: Iterable[Sent], histories: Sequence[History]) -> Verdict:
    """The verdict on what the readers of `histories` got of all that was `sent`."""
    published = {each.number: each for each in sent}
    verdict = Verdict()
    for history in histories:
        _judge_one(published, history, verdict)
    _compare(histories, verdict)
    return verdict


def _judge_one(published: dict[Number, Sent], history: History, verdict: Verdict) -> None:
    seen: dict[Number, Id] = {}
    last: dict[str, Id] = {}
    for line in history.lines:
        at = f"{history.name}: {line.channel} {line.id}"
        try:
            number = line.number
        except (ValueError, KeyError, TypeError):
            verdict.unknown.append(f"{at} {line.text[:100]}")
            continue
        known = published.get(number)
        if known is None:
            verdict.unknown.append(f"{at} {number}")
            continue
        before = last.get(line.channel)
        if before is not None and line.id <= before:
            verdict.disordered.append(f"{at} after {before}")
        elif before is not None and not _follows(before, line.id) and not _told(history, line.channel, before, line.id):
            verdict.silent.append(f"{at} after {before}: the count jumps")
        last[line.channel] = line.id
        verdict.late += known.doubtful
        if number not in seen:
            seen[number] = line.id
        elif not known.doubtful:
            verdict.twice.append(f"{at} {number}, as {seen[number]} before")
    _find_missing(published, history, seen, verdict)


def _follows(before: Id, id: Id) -> bool:
    """True if no line can lie between both ids, as far as ids tell."""
    return id.n == (before.n + 1 if id.fence == before.fence else 1)


def _told(history: History, channel: str, low: Id, high: Id) -> bool:
    return any(gap.covers(channel) and gap.overlaps(low, high) for gap in history.gaps)


def _find_missing(published: dict[Number, Sent], history: History, seen: dict[Number, Id], verdict: Verdict) -> None:
    bounds: dict[tuple[str, str], list[tuple[int, Id]]] = defaultdict(list)
    for number, id in seen.items():
        if not published[number].doubtful:
            bounds[number.publisher, number.channel].append((number.seq, id))
    for each in bounds.values():
        each.sort()
    for number, line in published.items():
        if number.channel not in history.channels or line.doubtful or not history.since <= line.at <= history.until:
            continue
        verdict.owed += 1
        if number in seen:
            verdict.delivered += 1
            continue
        around = bounds[number.publisher, number.channel]
        at = bisect_left(around, number.seq, key=lambda bound: bound[0])
        low = around[at - 1][1] if at else history.begin
        high = around[at][1] if at < len(around) else LAST
        if _told(history, number.channel, low, high):
            verdict.told[history.name] += 1
        else:
            verdict.silent.append(f"{history.name}: {number} between {low} and {high}")


def _compare(histories: Sequence[History], verdict: Verdict) -> None:
    """Ids must be the same for all readers, except on a branch that its reader knows to be dead."""
    id_of: dict[Number, tuple[Id, str]] = {}
    text_of: dict[tuple[str, Id], tuple[str, str]] = {}
    for history, line in _living(histories):
        try:
            number = line.number
        except (ValueError, KeyError, TypeError):
            continue
        id, other = id_of.setdefault(number, (line.id, history.name))
        if id != line.id:
            verdict.different.append(f"{number} is {line.id} for {history.name}, {id} for {other}")
        text, other = text_of.setdefault((line.channel, line.id), (line.text, history.name))
        if text != line.text:
            verdict.different.append(f"{line.channel} {line.id} is another line for {history.name} than for {other}")


def _living(histories: Sequence[History]) -> Iterator[tuple[History, Got]]:
    for history in histories:
        forked = any(gap.reason == "forked" for gap in history.gaps)
        yield from ((history, line) for line in history.lines if not (forked and history.dead(line)))
