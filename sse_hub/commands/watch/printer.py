"""
Formats records as lines for a terminal. Pure; no I/O.

    Record --> LineFormatter.line() --> "2026-11-21T03:50:18Z WARN  shop.api  slow  ms=900", yellow
"""

import json
import re
from dataclasses import dataclass

from sse_hub.commands.watch.sanitize import sanitize, sanitize_line
from sse_hub.formats.levels import DEBUG, ERROR, FATAL, INFO, NONE, SUCCESS, TRACE, WARN
from sse_hub.formats.record import Record
from sse_hub.formats.times import Time
from sse_hub.protocol.ids import iso_time

LEVEL_LABELS = {
    TRACE: "TRACE",
    DEBUG: "DEBUG",
    INFO: "INFO",
    SUCCESS: "OK",
    WARN: "WARN",
    ERROR: "ERROR",
    FATAL: "FATAL",
}
COLOURS = {TRACE: "2", DEBUG: "2", SUCCESS: "32", WARN: "33", ERROR: "31", FATAL: "1;37;41"}
DIM, CHANNEL, NOTICE = "2", "36", "35"


@dataclass(frozen=True, slots=True)
class LineFormatter:
    """Formats lines, with `colours` if the terminal has them, and channel names if there are several `channels`."""

    colours: bool
    channels: bool

    def line(self, record: Record, channel: str, moment: int) -> str:
        """
        The text of `record`: one line, or more if its message has more.

        If the record has no time, it is `moment`, when the line came, in ms since the epoch.
        """
        parts = [self._coloured(CHANNEL, sanitize_line(channel))] if self.channels else []
        # A text is shown as its program wrote it; its error is part of it.
        body = self._body(record) if record.text is None else record.text
        if record.time is None:
            body = f"{iso_time(moment)} {body}" if body else iso_time(moment)
        colour = COLOURS.get(record.level)
        text = sanitize(body).rstrip("\n")
        if record.text is None and record.error and record.error.stack:
            text += "\n" + sanitize(record.error.stack).rstrip("\n")
        lines = text.split("\n")
        shown = [self._coloured(colour, line) if colour else line for line in lines]
        return " ".join([*parts, "\n    ".join(shown)])

    def gap(self, gap: dict[str, object]) -> str:
        """The text for lines that can't be recovered."""
        lost = gap.get("lost")
        count = "lines are" if lost is None else "1 line is" if lost == 1 else f"{lost} lines are"
        where = f"after {gap.get('after') or 'what was before'}, before {gap.get('before')}"
        return self.notice(f"{count} missing on {gap.get('channel')}: {gap.get('reason')} ({where})")

    def notice(self, text: str) -> str:
        """A message of this command between the lines."""
        return self._coloured(NOTICE, f"-- {sanitize_line(text)}")

    def _body(self, record: Record) -> str:
        parts = [_format_time(record.time)] if record.time else []
        if record.level != NONE:
            parts.append(LEVEL_LABELS[record.level].ljust(5))
        if record.logger:
            parts.append(sanitize_line(record.logger))
        if record.message:
            parts.append(record.message)
        parts += [f"{sanitize_line(name)}={_value(value)}" for name, value in record.fields.items()]
        return " ".join(parts)

    def _coloured(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colours and text else text


def _format_time(time: Time) -> str:
    # Without the Z where the line names no zone: it is what the clock showed.
    shown = iso_time(time.ms)
    return shown if time.zoned else shown.removesuffix("Z")


def _value(value: object) -> str:
    if isinstance(value, str) and value and not re.search(r'[\s="]', value):
        return sanitize_line(value)
    try:
        return sanitize_line(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        # Nested so deeply that it could just be parsed, with less of the stack in use.
        return "(nested too deeply)"
