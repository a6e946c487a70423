"""
A line as its time, level, logger, message, and other fields. Pure; no I/O.

    '{"level": "warn", "msg": "slow", "n": 9}' --> parse_record() --> Record(level=WARN, message="slow", rest={"n": 9})
"""

import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

TRACE, DEBUG, INFO, SUCCESS, WARN, ERROR, FATAL = range(1, 8)
LEVEL_WORDS = {
    TRACE: "trace trce verbose silly finest finer",
    DEBUG: "debug dbug dbg fine",
    INFO: "info inf information informational notice log",
    SUCCESS: "success",
    WARN: "warn warning wrn",
    ERROR: "error err eror fail failed severe",
    FATAL: "fatal critical crit alert emerg emergency panic dpanic",
}
LEVELS = {word: level for level, words in LEVEL_WORDS.items() for word in words.split()}
# Numeric levels: Python's in `levelno`, else those of pino and bunyan.
PYTHON_LEVELS = ((50, FATAL), (40, ERROR), (30, WARN), (25, SUCCESS), (20, INFO), (10, DEBUG), (1, TRACE))
PINO_LEVELS = ((60, FATAL), (50, ERROR), (40, WARN), (30, INFO), (20, DEBUG), (10, TRACE))

TIME_FIELDS = ("@timestamp", "timestamp", "time", "ts", "@t", "datetime", "date", "asctime", "created")
LEVEL_FIELDS = ("level", "lvl", "severity", "levelname", "log.level", "loglevel", "@l", "levelno")
MESSAGE_FIELDS = ("message", "msg", "event", "@m", "short_message", "text", "log", "info")
LOGGER_FIELDS = ("logger", "logger_name", "log.logger", "name", "target", "module")
ERROR_FIELDS = ("exception", "exc_info", "exc_text", "stack", "stacktrace", "stack_trace", "@x")
# An envelope has one of these fields only, with text in it.
ENVELOPE_FIELDS = frozenset({"info", "log", "line", "message", "msg", "text", "data", "event"})
HUB_FIELDS = frozenset({"@channel", "@event", "truncated", "size"})

LEVEL_IN_TEXT = re.compile(
    r"\b(TRACE|DEBUG|INFO|NOTICE|SUCCESS|WARN(?:ING)?|ERR(?:OR)?|CRIT(?:ICAL)?|FATAL|ALERT|EMERG|PANIC|SEVERE)\b"
    r"|(?:\[|level=\"?)(trace|debug|info|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal)\b"
)
# A text line has its level near its beginning, after time, process and logger.
LEVEL_CHARACTERS = 160


@dataclass(slots=True)
class Record:
    """`level` is one of the above, 0 for none. `text` is true for a plain line, which is in `message`."""

    message: str
    level: int = 0
    text: bool = False
    time: str = ""
    logger: str = ""
    error: str = ""
    rest: dict[str, object] = field(default_factory=dict)


def parse_record(line: str) -> Record:
    """The record of `line`, which may be any text."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return _text_record(line)
    if not isinstance(value, dict):
        return _text_record(line)
    fields = {name: each for name, each in value.items() if name not in HUB_FIELDS}
    if len(fields) == 1:
        [(name, text)] = fields.items()
        if name in ENVELOPE_FIELDS and isinstance(text, str):
            return parse_record(text) if text.startswith("{") else _text_record(text)
    return _object_record(fields)


def level_of(word: str) -> int:
    """The level called `word`, 0 if it is not one."""
    return LEVELS.get(word.strip().lower(), 0)


def _text_record(text: str) -> Record:
    found = LEVEL_IN_TEXT.search(text, 0, LEVEL_CHARACTERS)
    return Record(text, level_of(found[1] or found[2]) if found else 0, text=True)


def _object_record(fields: dict[str, object]) -> Record:
    rest = dict(fields)
    level = 0
    for name in LEVEL_FIELDS:
        if name in rest and (level := _parse_level(name, rest[name])):
            del rest[name]
            break
    time = _pop_field(rest, TIME_FIELDS)
    message = _pop_field(rest, MESSAGE_FIELDS)
    error = _pop_field(rest, ERROR_FIELDS)
    return Record(
        message="" if message is None else str(message),
        level=level,
        time="" if time is None else _format_time(time),
        logger=str(_pop_field(rest, LOGGER_FIELDS) or ""),
        error=str(error or ""),
        rest=rest,
    )


def _pop_field(rest: dict[str, object], names: tuple[str, ...]) -> object:
    for name in names:
        if isinstance(value := rest.get(name), str | int | float) and not isinstance(value, bool):
            return rest.pop(name)
    return None


def _parse_level(name: str, value: object) -> int:
    if isinstance(value, str):
        return level_of(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return next((level for least, level in (PYTHON_LEVELS if name == "levelno" else PINO_LEVELS) if value >= least), 0)


def _format_time(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        seconds = float(value) if isinstance(value, int | float) else 0.0
        # Seconds, milliseconds, microseconds, nanoseconds; 1e999 is infinite, and stays so.
        while 1e11 < seconds < math.inf:
            seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return str(value)
