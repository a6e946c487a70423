"""
What a canary found, for people and for programs.

    tallies, times --> Report --> text(), json(), exit_status
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from sse_hub.commands.canary.judge import Verdict

OK, WRONG, TOLD = 0, 1, 3
VERDICTS = {OK: "ok", WRONG: "wrong", TOLD: "told"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    All counts are since the start; those of lines from `received` on are over all readers together.

    `connected` readers have an open stream now. `unsure` lines may or may not have been published. Times are from
    just before PUBLISH to the line's arrival, None where no line arrived.
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
        """0: every line arrived once, in order, unaltered. 3: so did all but those that gaps told of. 1: neither."""
        if self.missing or self.duplicated or self.reordered or self.altered:
            return WRONG
        return TOLD if self.told else OK

    @property
    def verdict(self) -> str:
        """The exit status in a word."""
        return VERDICTS[self.exit_status]

    def text(self) -> str:
        """One line: the verdict, then `name=number`."""
        return " ".join([self.verdict, *(f"{name}={_plain(value)}" for name, value in asdict(self).items())])

    def json(self) -> str:
        """One JSON object."""
        return json.dumps({"verdict": self.verdict, **asdict(self)})


def total(tallies: Iterable[Verdict]) -> dict[str, int]:
    """The sums over all readers, by name."""
    each = list(tallies)
    return {field.name: sum(getattr(tally, field.name) for tally in each) for field in fields(Verdict)}


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
