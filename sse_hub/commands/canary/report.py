"""
What a canary found, for people and programs.

    LineCounts, Latency --> Report --> text(), json(), exit_status
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from sse_hub.commands.canary.verifier import LineCounts

OK, WRONG, GAPS_REPORTED = 0, 1, 3
VERDICTS = {OK: "ok", WRONG: "wrong", GAPS_REPORTED: "told"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    All counts are since the start; from `received` on they are sums over all readers.

    `connected` readers have an open stream now. `unsure` lines may or may not have been published. `told` lines are
    lost, but gaps reported them. Times are from just before PUBLISH to the arrival; None if no line arrived.
    """

    final: bool
    seconds: float
    published: int
    unsure: int
    clients: int
    connected: int
    reconnects: int
    errors: int
    received: int
    missing: int
    duplicated: int
    reordered: int
    altered: int
    told: int
    gaps: int
    waiting: int
    foreign: int
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    max_ms: float | None

    @property
    def exit_status(self) -> int:
        """0: every line arrived once, in order, unaltered. 3: or a gap reported it. 1: neither."""
        if self.missing or self.duplicated or self.reordered or self.altered:
            return WRONG
        return GAPS_REPORTED if self.told else OK

    @property
    def verdict(self) -> str:
        """The exit status as a word."""
        return VERDICTS[self.exit_status]

    def text(self) -> str:
        """One line: the verdict, then `name=number`."""
        return " ".join([self.verdict, *(f"{name}={_format(value)}" for name, value in asdict(self).items())])

    def json(self) -> str:
        """One JSON object."""
        return json.dumps({"verdict": self.verdict, **asdict(self)})


def total(counts: Iterable[LineCounts]) -> dict[str, int]:
    """The sums over all readers, by name."""
    readers = list(counts)
    return {field.name: sum(getattr(each, field.name) for each in readers) for field in fields(LineCounts)}


def _format(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
