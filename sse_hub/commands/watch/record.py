"""
A line as what a person looks for in it: time, level, logger, message, and the rest. Pure; no I/O.

    '{"level": "warn", "msg": "slow", "ms": 9}' --> record_of() --> Record(level=WARN, message="slow", rest={"ms": 9})
"""

import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

TRACE, DEBUG, INFO, SUCCESS, WARN, ERROR, FATAL = range(1, 8)
WORDS = {
    TRACE: "trace trce verbose silly finest finer",
    DEBUG: "debug dbug dbg fine",
    INFO: "info inf information informational notice log",
    SUCCESS: "success",
    WARN: "warn warning wrn",
    ERROR: "error err eror fail failed severe",
    FATAL: "fatal critical crit alert emerg emergency panic dpanic",
}
LEVELS = {word: level for level, words in WORDS.items() for word in words.split()}
# Numbers of Python, where the name says so, and else those of pino and bunyan.
PYTHON = ((50, FATAL), (40, ERROR), (30, WARN), (25, SUCCESS), (20, INFO), (10, DEBUG), (1, TRACE))
PINO = ((60, FATAL), (50, ERROR), (40, WARN), (30, INFO), (20, DEBUG), (10, TRACE))

TIME_NAMES = ("@timestamp", "timestamp", "time", "ts", "@t", "datetime", "date", "asctime", "created")
LEVEL_NAMES = ("level", "lvl", "severity", "levelname", "log.level", "loglevel", "@l", "levelno")
MESSAGE_NAMES = ("message", "msg", "event", "@m", "short_message", "text", "log", "info")
LOGGER_NAMES = ("logger", "logger_name", "log.logger", "name", "target", "module")
ERROR_NAMES = ("exception", "exc_info", "exc_text", "stack", "stacktrace", "stack_trace", "@x")
# An envelope has one of these, which holds text.
SLOTS = frozenset({"info", "log", "line", "message", "msg", "text", "data", "event"})
HUB_NAMES = frozenset({"@channel", "@event", "truncated", "size"})

IN_TEXT = re.compile(
    r"\b(TRACE|DEBUG|INFO|NOTICE|SUCCESS|WARN(?:ING)?|ERR(?:OR)?|CRIT(?:ICAL)?|FATAL|ALERT|EMERG|PANIC|SEVERE)\b"
    r"|(?:\[|level=\"?)(trace|debug|info|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal)\b"
)
# A level stands at the beginning of a text line, after time, process and logger.
IN_TEXT_CHARACTERS = 160


@dataclass(slots=True)
class Record:
    """`level` is one of the above, 0 for none. `text` is true for a line that is shown as it is, in `message`."""

    message: str
    level: int = 0
    text: bool = False
    time: str = ""
    logger: str = ""
    error: str = ""
    rest: dict[str, object] = field(default_factory=dict)


def record_of(line: str) -> Record:
    """The record of `line`, which may be anything."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return _of_text(line)
    if not isinstance(value, dict):
        return _of_text(line)
    said = {name: each for name, each in value.items() if name not in HUB_NAMES}
    if len(said) == 1:
        [(name, held)] = said.items()
        if name in SLOTS and isinstance(held, str):
            return record_of(held) if held.startswith("{") else _of_text(held)
    return _of_object(said)


def level_of(word: str) -> int:
    """The level that `word` names, 0 for none."""
    return LEVELS.get(word.strip().lower(), 0)


def _of_text(text: str) -> Record:
    found = IN_TEXT.search(text, 0, IN_TEXT_CHARACTERS)
    return Record(text, level_of(found[1] or found[2]) if found else 0, text=True)


def _of_object(said: dict[str, object]) -> Record:
    rest = dict(said)
    level = 0
    for name in LEVEL_NAMES:
        if name in rest and (level := _level(name, rest[name])):
            del rest[name]
            break
    time = _take(rest, TIME_NAMES)
    message = _take(rest, MESSAGE_NAMES)
    error = _take(rest, ERROR_NAMES)
    return Record(
        message="" if message is None else str(message),
        level=level,
        time="" if time is None else _time(time),
        logger=str(_take(rest, LOGGER_NAMES) or ""),
        error=str(error or ""),
        rest=rest,
    )


def _take(rest: dict[str, object], names: tuple[str, ...]) -> object:
    for name in names:
        if isinstance(value := rest.get(name), str | int | float) and not isinstance(value, bool):
            return rest.pop(name)
    return None


def _level(name: str, value: object) -> int:
    if isinstance(value, str):
        return level_of(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return next((level for least, level in (PYTHON if name == "levelno" else PINO) if value >= least), 0)


def _time(value: object) -> str:
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
