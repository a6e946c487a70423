"""
What trials have in common: the channels and rate of their publishers, what their clients ask for, and the figures.

    trial --> Figures.add() of each round, Figures.outages --> one line at the end
"""

import logging
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from tests.support.numbered_judge import Verdict
from tests.support.numbered_publishers import NumberedPublisher, Way, reached_share
from tests.support.oracle import Shape
from tests.support.roaming_clients import RoamingClient
from tests.support.settings import FULL_SCALE, at_scale

logger = logging.getLogger(__name__)

CHANNELS = [f"channel-{number}" for number in range(5)]
# As many as a stream may have, most of them with a line a second.
EVERY_CHANNEL = [*CHANNELS, *(f"quiet-{number}" for number in range(27))]
LINES_PER_SECOND = at_scale(500, 5_000)
# In each round of 40 moved anchors and 12 failovers, so 10,000 in all.
CUTS = at_scale(5, 200)
# Of their rate, publishers must reach this share at full scale. Else the machine is too slow for what a trial claims.
LEAST_SHARE = 0.8


def shapes() -> list[Shape]:
    """Of 1 to 32 channels, with and without `batch=1`."""
    found = [Shape(CHANNELS, batch=True), Shape(CHANNELS[:1]), Shape(CHANNELS[1:3], batch=True)]
    found += [Shape(EVERY_CHANNEL, batch=True), Shape([*CHANNELS[3:4], *EVERY_CHANNEL[-15:]])]
    # At full scale, this process could not keep up with all lines one by one.
    return found if FULL_SCALE else [*found, Shape(CHANNELS)]


def quiet_publisher(way: Way) -> NumberedPublisher:
    """Of a line a second on every channel."""
    return NumberedPublisher("quiet", way, EVERY_CHANNEL, len(EVERY_CHANNEL))


def cut_seconds() -> float:
    """How long to wait until the next client is cut."""
    return random.uniform(0.02, 0.06) if FULL_SCALE else random.uniform(0.1, 0.5)


class Outage(NamedTuple):
    """
    What came of a fault, in seconds: when the servers had agreed on a new primary or owner, when hubs were ready again,
    and how long they were not.
    """

    agreed: float
    ready: float
    away: float

    def __str__(self) -> str:
        return f"agreed after {self.agreed:.2f} s, ready after {self.ready:.2f} s, away for {self.away:.2f} s"


@dataclass
class Figures:
    """The figures of all rounds of a trial. str() has them in one line, and a line for each kind of fault."""

    name: str
    published: int = 0
    owed: int = 0
    delivered: int = 0
    told: int = 0
    silent: int = 0
    twice: int = 0
    different: int = 0
    cuts: int = 0
    shares: list[float] = field(default_factory=list)
    outages: dict[str, list[Outage]] = field(default_factory=lambda: defaultdict(list))

    def add(self, verdict: Verdict, publishers: Sequence[NumberedPublisher], clients: Iterable[RoamingClient]) -> None:
        """Add those of a round that has ended."""
        self.published += sum(len(each.sent) for each in publishers)
        self.owed += verdict.owed
        self.delivered += verdict.delivered
        self.told += verdict.told.total()
        self.silent += len(verdict.silent)
        self.twice += len(verdict.twice)
        self.different += len(verdict.different)
        self.cuts += sum(each.cuts for each in clients)
        self.shares.append(reached_share(publishers))

    def add_outage(self, kind: str, outage: Outage) -> None:
        """Add what came of a fault."""
        self.outages[kind].append(outage)

    def check(self) -> None:
        """Log the figures. AssertionError unless publishers have reached their rate, and clients were cut."""
        logger.warning("%s", self)
        assert not FULL_SCALE or min(self.shares) >= LEAST_SHARE, self.shares
        assert self.cuts >= CUTS * len(self.shares), self.cuts

    def __str__(self) -> str:
        lines = [
            f"{self.name}: {self.published:,} published, {self.owed:,} owed to readers, {self.delivered:,} delivered, "
            f"{self.told:,} told, {self.silent} silent, {self.twice} twice, {self.different} different, "
            f"{sum(map(len, self.outages.values()))} faults, {self.cuts:,} cuts, "
            f"{100 * min(self.shares, default=0):.0f} % of the rate at least"
        ]
        for kind, outages in self.outages.items():
            ready, away = [each.ready for each in outages], [each.away for each in outages]
            lines.append(
                f"  {kind}: {len(outages)} times, ready after {median(ready):.2f} s (at most {max(ready):.2f}), "
                f"away for {median(away):.2f} s (at most {max(away):.2f})"
            )
        return "\n".join(lines)
