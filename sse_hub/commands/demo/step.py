"""
The steps of the demo: each is a line for a channel and the pause after it.
"""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Step:
    """One line to publish. Without a pause, the next line belongs to the same burst."""

    channel: str
    line: str
    pause_seconds: float


Steps: TypeAlias = Generator[Step, None, None]
Clock: TypeAlias = Callable[[], datetime]


def json_line(record: Mapping[str, object]) -> str:
    """`record` as one line of JSON, with non-ASCII characters unescaped."""
    return json.dumps(record, ensure_ascii=False)


def utc_now() -> datetime:
    """The current time; all other modules of the demo get a `Clock`."""
    return datetime.now(UTC)
