"""
What every line becomes. Pure: no I/O.

    Record() --> filled by text.py and objects.py --> Record(level=WARN, message="slow", fields={"ms": 900})
"""

from dataclasses import dataclass, field

from sse_hub.formats.levels import NONE
from sse_hub.formats.times import Time


@dataclass(slots=True)
class Failure:
    """The exception of a line: `type` and `message` where the text names them, and all of its text."""

    type: str | None
    message: str | None
    stack: str | None


@dataclass(slots=True)
class Record:
    """
    What is known of a line; None for what it does not say. docs/formats.md describes the parts.

    `level` is one of levels.py, and `level_word` what the line has for it. `format` is the name of a row of the table.
    `text` is the line without its envelope, if that is a text and no JSON.
    """

    time: Time | None = None
    level: int = NONE
    level_word: str | None = None
    message: str | None = None
    logger: str | None = None
    error: Failure | None = None
    trace: str | None = None
    span: str | None = None
    host: str | None = None
    pid: str | None = None
    thread: str | None = None
    file: str | None = None
    line: str | None = None
    function: str | None = None
    part: str | None = None
    text: str | None = None
    event: str | None = None
    fields: dict[str, object] = field(default_factory=dict)
    format: str = "plain"

    def adopt(self, inner: "Record") -> None:
        """Take over all that `inner` knows, which is more exact."""
        if inner.level_word is not None or inner.level != NONE:
            self.level, self.level_word = inner.level, inner.level_word
        for name in ADOPTED:
            if (value := getattr(inner, name)) is not None:
                setattr(self, name, value)
        self.fields |= inner.fields
        self.format = inner.format


ADOPTED = (
    *("time", "message", "logger", "error", "trace", "span", "host", "pid", "thread"),
    *("file", "line", "function", "part", "event"),
)
