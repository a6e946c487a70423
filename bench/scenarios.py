"""What is measured: one Scenario per table of the page. Pure; no I/O."""

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["fanout", "idle", "ingest", "resume"]

HUB = ("hub",)
HUB_AND_FLOOR = ("hub", "floor")
NCHAN = ("nchan", "nchan-redis")
ALL_SERVERS = (*HUB_AND_FLOOR, *NCHAN, "starlette", "better-sse", "sanic")
ALL_BUT_FLOOR = tuple(name for name in ALL_SERVERS if name != "floor")


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    A load. `rate` is lines per second over all channels, or 0 for full speed; `size` is bytes per line.

    With `kind` "idle" nothing is published; "ingest" has no clients; in "resume" they reconnect for `resumed` lines.
    The first `slow` clients read `slow_bytes` per second until `seconds` are over.
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
    full_speed_lines: int = 0
    batch: bool = False
    slow: int = 0
    slow_bytes: int = 10_000
    resumed: int = 0

    @property
    def lines(self) -> int:
        """Lines published in all; every channel gets the same number."""
        total = self.full_speed_lines or round(self.rate * self.seconds)
        return total - total % self.channels

    @property
    def lines_per_client(self) -> int:
        return self.lines // self.channels

    @property
    def deliveries(self) -> int:
        """Lines that all clients together should receive."""
        return self.clients * self.lines_per_client


SCENARIOS = (
    Scenario("S1", "latency: 100 subscribers, 100 lines/s", 100, 100, 10, ALL_SERVERS),
    Scenario("S2", "fan-out: 1,000 subscribers, 1,000 lines/s", 1000, 1000, 10, ALL_SERVERS),
    Scenario("S2-2000", "fan-out: 1,000 subscribers, 2,000 lines/s", 1000, 2000, 10, HUB_AND_FLOOR),
    Scenario("S2-5000", "fan-out: 1,000 subscribers, 5,000 lines/s", 1000, 5000, 10, HUB_AND_FLOOR),
    Scenario(
        "S3",
        "saturation: 200 subscribers, 200,000 lines at full speed",
        200,
        0,
        60,
        ALL_BUT_FLOOR,
        full_speed_lines=200_000,
    ),
    Scenario("S4-2000", "idle: 2,000 subscribers", 2000, 0, 60, ALL_BUT_FLOOR, kind="idle"),
    Scenario("S4-10000", "idle: 10,000 subscribers", 10_000, 0, 60, ("hub", *NCHAN), kind="idle"),
    Scenario("S5-ref", "20 subscribers, none slow, 2,000 lines/s of 1 kB", 20, 2000, 10, ("hub", *NCHAN), size=1000),
    Scenario(
        "S5",
        "20 subscribers, 4 of them read 10 kB/s, 2,000 lines/s of 1 kB",
        20,
        2000,
        10,
        ("hub", *NCHAN),
        size=1000,
        slow=4,
    ),
    Scenario(
        "S6", "1,000 channels × 10 subscribers, 10,000 lines/s", 10_000, 10_000, 10, ("hub", "nchan"), channels=1000
    ),
    Scenario("S7", "ingest: no subscribers, 100,000 lines/s on one channel", 0, 100_000, 60, HUB, kind="ingest"),
    Scenario("S7-10", "ingest: the same on 10 channels", 0, 100_000, 60, HUB, kind="ingest", channels=10),
    Scenario(
        "S8",
        "resume: 2,000 subscribers reconnect at once for 10,000 lines",
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

QUICK_SECONDS = {"S1": 5.0, "S2": 5.0, "S4-2000": 10.0, "S5": 5.0, "S7": 5.0, "S8": 10.0, "S10": 5.0}
"""The scenarios of the quick run, with the seconds each takes."""


def quick_scenarios() -> tuple[Scenario, ...]:
    """Return the scenarios of the quick run: short, and only with hub and floor."""
    return tuple(
        replace(
            each,
            seconds=QUICK_SECONDS[each.key],
            servers=tuple(name for name in each.servers if name in HUB_AND_FLOOR),
        )
        for each in SCENARIOS
        if each.key in QUICK_SECONDS
    )


def select(
    scenarios: tuple[Scenario, ...], only: tuple[str, ...], servers: tuple[str, ...], scale: float
) -> tuple[Scenario, ...]:
    """
    Select the `scenarios` whose keys begin with one of `only`, and of their servers those in `servers`.

    Empty tuples select everything. `scale` multiplies seconds and lines, but not subscribers or rates.
    """
    return tuple(
        replace(
            each,
            seconds=each.seconds * scale,
            full_speed_lines=round(each.full_speed_lines * scale),
            resumed=round(each.resumed * scale),
            servers=tuple(name for name in each.servers if not servers or name in servers),
        )
        for each in scenarios
        if not only or any(each.key == key or each.key.startswith(key + "-") for key in only)
    )
