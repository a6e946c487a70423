"""
What is measured: one Scenario for each row of the tables. Pure; no I/O.
"""

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["fanout", "idle", "ingest", "resume"]

HUB = ("hub",)
HUB_AND_FLOOR = ("hub", "floor")
NCHAN = ("nchan", "nchan-redis")
ALL = (*HUB_AND_FLOOR, *NCHAN, "starlette", "better-sse", "sanic")


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    A load. `rate` is lines a second over all channels, 0 for flat out; `size` is bytes a line.

    With `kind` "idle" nothing is published; "ingest" has no clients; in "resume" they come back for `resumed` lines.
    The first `slow` clients read `slow_bytes` a second until `seconds` are over.
    """

    key: str
    title: str
    clients: int
    rate: int
    seconds: float
    servers: tuple[str, ...]
    kind: Kind = "fanout"
    channels: int = 1
    size: int = 200
    burst: int = 1
    flat_out_lines: int = 0
    batch: bool = False
    slow: int = 0
    slow_bytes: int = 10_000
    resumed: int = 0

    @property
    def lines(self) -> int:
        """Lines published in all; the same number on every channel."""
        wanted = self.flat_out_lines or round(self.rate * self.seconds)
        return wanted - wanted % self.channels

    @property
    def lines_per_client(self) -> int:
        return self.lines // self.channels

    @property
    def deliveries(self) -> int:
        """How many lines all clients together are to get."""
        return self.clients * self.lines_per_client


SCENARIOS = (
    Scenario("S1", "latency: 100 subscribers, 100 lines/s", 100, 100, 10, ALL),
    Scenario("S2", "fan-out: 1,000 subscribers, 1,000 lines/s", 1000, 1000, 10, ALL),
    Scenario("S2-2000", "fan-out: 1,000 subscribers, 2,000 lines/s", 1000, 2000, 10, HUB_AND_FLOOR),
    Scenario("S2-5000", "fan-out: 1,000 subscribers, 5,000 lines/s", 1000, 5000, 10, HUB_AND_FLOOR),
    Scenario(
        "S3",
        "saturation: 200 subscribers, 200,000 lines flat out",
        200,
        0,
        60,
        ALL[:1] + ALL[2:],
        flat_out_lines=200_000,
    ),
    Scenario("S4-2000", "idle: 2,000 subscribers", 2000, 0, 60, ALL[:1] + ALL[2:], kind="idle"),
    Scenario("S4-10000", "idle: 10,000 subscribers", 10_000, 0, 60, ("hub", *NCHAN), kind="idle"),
    Scenario("S5-ref", "20 subscribers, none slow, 2,000 lines/s of 1 kB", 20, 2000, 10, ("hub", *NCHAN), size=1000),
    Scenario(
        "S5", "20 subscribers, 4 read 10 kB/s, 2,000 lines/s of 1 kB", 20, 2000, 10, ("hub", *NCHAN), size=1000, slow=4
    ),
    Scenario(
        "S6", "1,000 channels × 10 subscribers, 10,000 lines/s", 10_000, 10_000, 10, ("hub", "nchan"), channels=1000
    ),
    Scenario("S7", "ingest: nobody watches, 100,000 lines/s in one channel", 0, 100_000, 60, HUB, kind="ingest"),
    Scenario("S7-10", "ingest: the same in 10 channels", 0, 100_000, 60, HUB, kind="ingest", channels=10),
    Scenario(
        "S8",
        "resume herd: 2,000 subscribers come back for 10,000 lines",
        2000,
        200,
        20,
        HUB,
        kind="resume",
        resumed=10_000,
    ),
    Scenario("S9-100", "growth: 100 subscribers, 10 lines every 100 ms", 100, 100, 20, HUB_AND_FLOOR, burst=10),
    Scenario("S9-1000", "growth: 1,000 subscribers, 10 lines every 100 ms", 1000, 100, 20, HUB_AND_FLOOR, burst=10),
    Scenario("S9-10000", "growth: 10,000 subscribers, 10 lines every 100 ms", 10_000, 100, 20, HUB_AND_FLOOR, burst=10),
    Scenario("S10", "batch=1: 50 subscribers, 20,000 lines/s", 50, 20_000, 10, HUB, batch=True),
)

QUICK = {"S1": 5.0, "S2": 5.0, "S4-2000": 10.0, "S5": 5.0, "S7": 5.0, "S8": 10.0, "S10": 5.0}
"""What the quick run measures, and for how many seconds each."""


def quick() -> tuple[Scenario, ...]:
    """The scenarios of the quick run: short, and of the hub and the floor only."""
    servers = set(HUB_AND_FLOOR)
    return tuple(
        replace(each, seconds=QUICK[each.key], servers=tuple(name for name in each.servers if name in servers))
        for each in SCENARIOS
        if each.key in QUICK
    )


def chosen(
    scenarios: tuple[Scenario, ...], only: tuple[str, ...], servers: tuple[str, ...], scale: float
) -> tuple[Scenario, ...]:
    """
    `scenarios` whose keys begin with one of `only`, each with those of its servers that are in `servers`.

    Empty tuples stand for all. `scale` multiplies their seconds and lines, not their subscribers or rates.
    """
    return tuple(
        replace(
            each,
            seconds=each.seconds * scale,
            flat_out_lines=round(each.flat_out_lines * scale),
            resumed=round(each.resumed * scale),
            servers=tuple(name for name in each.servers if not servers or name in servers),
        )
        for each in scenarios
        if not only or any(each.key == key or each.key.startswith(key + "-") for key in only)
    )
