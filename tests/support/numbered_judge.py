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

    def disowns(self, line: Got) -> bool:
        """True if it tells that `line` is of a dead branch."""
        return self.reason == "forked" and self.covers(line.channel) and self.after < line.id < self.before


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

    def last_ids(self) -> dict[str, Id]:
        """The id of the last line of each channel. A replay of a fence brings one channel after the other."""
        return {line.channel: line.id for line in self.lines}

    def dead(self, line: Got) -> bool:
        """True if the reader was told later that `line` is of a dead branch: its id means nothing to others."""
        return any(gap.disowns(line) for gap in self.gaps)


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


def judge(sent: Iterable[Sent], histories: Sequence[History], only_ids_of: Sequence[History] = ()) -> Verdict:
    """
    The verdict on what the readers of `histories` got of all that was `sent`.

    Of `only_ids_of`, whose gaps are not known, it is only judged whether their ids are the same.
    """
    published = {each.number: each for each in sent}
    verdict = Verdict()
    numbers = _Numbers()
    for history in histories:
        _judge_one(published, history, numbers, verdict)
    _compare([*histories, *only_ids_of], numbers, verdict)
    return verdict


class _Numbers:
    """The numbers of lines, each line read once: at full scale, each of millions has many readers."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], Number | None] = {}

    def of(self, line: Got) -> Number | None:
        """None if no publisher of ours made it."""
        key = line.channel, line.text
        if key not in self._of:
            try:
                self._of[key] = line.number
            except (ValueError, KeyError, TypeError):
                self._of[key] = None
        return self._of[key]


class _Gaps:
    """The gaps of a history by channel, so that a look at them costs little."""

    def __init__(self, history: History) -> None:
        self._all = history.gaps
        self._of: dict[str, list[Gap]] = {}

    def tell(self, channel: str, low: Id, high: Id) -> bool:
        """True if one of them tells that lines of `channel` between both ids may be lost."""
        if channel not in self._of:
            self._of[channel] = [gap for gap in self._all if gap.covers(channel)]
        return any(gap.overlaps(low, high) for gap in self._of[channel])


def _judge_one(published: dict[Number, Sent], history: History, numbers: _Numbers, verdict: Verdict) -> None:
    seen: dict[Number, Id] = {}
    last: dict[str, Id] = {}
    gaps = _Gaps(history)
    for line in history.lines:
        number = numbers.of(line)
        known = number and published.get(number)
        if number is None or known is None:
            verdict.unknown.append(f"{history.name}: {line.channel} {line.id} {number or line.text[:100]}")
            continue
        before = last.get(line.channel)
        if before is not None and line.id <= before:
            verdict.disordered.append(f"{history.name}: {line.channel} {line.id} after {before}")
        elif before is not None and not _follows(before, line.id) and not gaps.tell(line.channel, before, line.id):
            verdict.silent.append(f"{history.name}: {line.channel} {line.id} after {before}: the count jumps")
        last[line.channel] = line.id
        verdict.late += known.doubtful
        if number not in seen:
            seen[number] = line.id
        elif not known.doubtful:
            verdict.twice.append(f"{history.name}: {line.channel} {line.id} {number}, as {seen[number]} before")
    _find_missing(published, history, seen, gaps, verdict)


def _follows(before: Id, id: Id) -> bool:
    """True if no line can lie between both ids, as far as ids tell."""
    return id.n == (before.n + 1 if id.fence == before.fence else 1)


def _find_missing(
    published: dict[Number, Sent], history: History, seen: dict[Number, Id], gaps: _Gaps, verdict: Verdict
) -> None:
    channels = set(history.channels)
    bounds: dict[tuple[str, str], list[tuple[int, Id]]] = defaultdict(list)
    for number, id in seen.items():
        if not published[number].doubtful:
            bounds[number.publisher, number.channel].append((number.seq, id))
    for each in bounds.values():
        each.sort()
    for number, line in published.items():
        if number.channel not in channels or line.doubtful or not history.since <= line.at <= history.until:
            continue
        verdict.owed += 1
        if number in seen:
            verdict.delivered += 1
            continue
        around = bounds[number.publisher, number.channel]
        at = bisect_left(around, number.seq, key=lambda bound: bound[0])
        low = around[at - 1][1] if at else history.begin
        high = around[at][1] if at < len(around) else LAST
        if gaps.tell(number.channel, low, high):
            verdict.told[history.name] += 1
        else:
            verdict.silent.append(f"{history.name}: {number} between {low} and {high}")


def _compare(histories: Sequence[History], numbers: _Numbers, verdict: Verdict) -> None:
    """Ids must be the same for all readers, except on a branch that its reader knows to be dead."""
    id_of: dict[Number, tuple[Id, str]] = {}
    text_of: dict[tuple[str, Id], tuple[str, str]] = {}
    for history in histories:
        for line in _living(history):
            number = numbers.of(line)
            if number is None:
                continue
            id, other = id_of.setdefault(number, (line.id, history.name))
            if id != line.id:
                verdict.different.append(f"{number} is {line.id} for {history.name}, {id} for {other}")
            text, other = text_of.setdefault((line.channel, line.id), (line.text, history.name))
            if text != line.text:
                verdict.different.append(
                    f"{line.channel} {line.id} is another line for {history.name} than for {other}"
                )


def _living(history: History) -> Iterator[Got]:
    forks = [gap for gap in history.gaps if gap.reason == "forked"]
    return (line for line in history.lines if not any(gap.disowns(line) for gap in forks))
