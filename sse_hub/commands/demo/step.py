"""
What the demo is made of: an endless generator of steps, each a line for a channel and the pause after it.
"""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Step:
    """One line to publish. No pause means that the next line belongs to the same burst."""

    channel: str
    line: str
    pause_seconds: float


Steps: TypeAlias = Generator[Step, None, None]
Clock: TypeAlias = Callable[[], datetime]


def json_line(record: Mapping[str, object]) -> str:
    """`record` as one line of JSON, readable in every script."""
    return json.dumps(record, ensure_ascii=False)


def utc_now() -> datetime:
    """The time of day; every other module of the demo is given a `Clock`."""
    return datetime.now(UTC)
