"""
Records as lines of a terminal. Pure; no I/O.

    Record --> Show.line() --> "2026-11-21T03:50:18Z WARN  shop.api  slow  ms=900", yellow
    --filter --> Filter --> passes(record, line)
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sse_hub.commands.watch.record import DEBUG, ERROR, FATAL, INFO, SUCCESS, TRACE, WARN, Record, level_of
from sse_hub.commands.watch.sanitize import sanitize, sanitize_line
from sse_hub.errors import InvalidSetting

NAMES = {TRACE: "TRACE", DEBUG: "DEBUG", INFO: "INFO", SUCCESS: "OK", WARN: "WARN", ERROR: "ERROR", FATAL: "FATAL"}
COLOURS = {TRACE: "2", DEBUG: "2", SUCCESS: "32", WARN: "33", ERROR: "31", FATAL: "1;37;41"}
DIM, CHANNEL, NOTICE = "2", "36", "35"
LEVEL_FILTER = re.compile(r"\s*level\s*(>=|<=|>|<|=)\s*(\w+)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LineFilter:
    """`words` that a line must have, in any case, and what its level must be: pairs of a sign and a level."""

    words: tuple[str, ...] = ()
    levels: tuple[tuple[str, int], ...] = ()

    @classmethod
    def parse(cls, texts: Sequence[str]) -> "LineFilter":
        """What several `--filter` ask for together. Raises InvalidSetting for a level that is none."""
        words, levels = [], []
        for text in texts:
            found = LEVEL_FILTER.fullmatch(text)
            if not found:
                words.append(text.casefold())
            elif level := level_of(found[2]):
                levels.append((found[1], level))
            else:
                raise InvalidSetting(f"--filter {text!r} names no level: trace, debug, info, warn, error or fatal.")
        return cls(tuple(words), tuple(levels))

    def passes(self, record: Record, line: str) -> bool:
        """Whether `record`, which is `line`, is to be shown. A line without a level has no level that is asked for."""
        if any(not _holds(record.level, sign, level) for sign, level in self.levels):
            return False
        if not self.words:
            return True
        text = f"{record.message} {line}".casefold()
        return all(word in text for word in self.words)


def _holds(level: int, sign: str, asked: int) -> bool:
    if level == 0:
        return False
    if sign == "=":
        return level == asked
    if sign.startswith(">"):
        return level > asked or (level == asked and "=" in sign)
    return level < asked or (level == asked and "=" in sign)


@dataclass(frozen=True, slots=True)
class LineFormatter:
    """`colours` for a terminal that has them, `channels` where there are several."""

    colours: bool
    channels: bool

    def line(self, record: Record, channel: str) -> str:
        """`record` of `channel`, on one line, or more where the message has more."""
        parts = [self._in(CHANNEL, sanitize_line(channel))] if self.channels else []
        body = record.message if record.text else self._body(record)
        colour = COLOURS.get(record.level)
        text = sanitize(body).rstrip("\n")
        if record.error:
            text += "\n" + sanitize(record.error).rstrip("\n")
        lines = text.split("\n")
        shown = [self._in(colour, line) if colour else line for line in lines]
        return " ".join([*parts, "\n    ".join(shown)])

    def gap(self, gap: dict[str, object]) -> str:
        """A notice of lines that can't be shown."""
        lost = gap.get("lost")
        count = "lines are" if lost is None else "1 line is" if lost == 1 else f"{lost} lines are"
        where = f"after {gap.get('after') or 'what was before'}, before {gap.get('before')}"
        return self.notice(f"{count} missing on {gap.get('channel')}: {gap.get('reason')} ({where})")

    def notice(self, text: str) -> str:
        """Something of ours between the lines."""
        return self._in(NOTICE, f"-- {sanitize_line(text)}")

    def _body(self, record: Record) -> str:
        parts = [sanitize_line(record.time)] if record.time else []
        if record.level:
            parts.append(NAMES[record.level].ljust(5))
        if record.logger:
            parts.append(sanitize_line(record.logger))
        if record.message:
            parts.append(record.message)
        parts += [f"{sanitize_line(name)}={_value(value)}" for name, value in record.rest.items()]
        return " ".join(parts)

    def _in(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colours and text else text


def _value(value: object) -> str:
    if isinstance(value, str) and value and not re.search(r'[\s="]', value):
        return sanitize_line(value)
    try:
        return sanitize_line(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        # Nested just so deeply that it could be read, with less of the stack in use.
        return "(nested too deeply)"
