"""
Formats a log record as a line: one JSON object, whose fields the page knows.

    LogRecord --> {"time", "level", "logger", "message", the extra fields, "exception", "stack"} --> bytes
"""

import logging
import time
import traceback
from typing import Any

import orjson

from sse_hub.logging.values import json_of, text_of

# By default the hub cuts longer lines, and a cut line is not a JSON object any more.
LINE_BYTES = 1_048_576
CUT_CHARACTERS = 100_000
# The attributes of every record; `message`, `asctime` and `taskName` come from other formatters and newer Pythons.
STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
STANDARD_SIZE = len(vars(logging.makeLogRecord({})))
RESERVED = frozenset({"time", "level", "logger", "exception", "stack", "line_id", "truncated", "size"})


class JsonFormatter(logging.Formatter):
    """
    Formats records as JSON, on one text line. It never raises, whatever was logged.

    An extra field named like one of these gets an underscore appended. The items of a dict called `extra`, as loguru
    has it, are extra fields.
    """

    def __init__(self) -> None:
        super().__init__()
        self._second = (0, "")

    def format(self, record: logging.LogRecord) -> str:
        """The line of `record`."""
        return self.line(record).decode()

    def line(self, record: logging.LogRecord) -> bytes:
        """The line of `record` in UTF-8, at most LINE_BYTES long."""
        try:
            fields = self._fields(record)
            line = json_of(fields)
        except Exception as error:  # noqa: BLE001  # filters and adapters may have put anything into the record
            fields = {"level": "error", "message": text_of(record.msg), "logging_error": text_of(error)}
            line = json_of(fields)
        return line if len(line) <= LINE_BYTES else _truncate(fields, len(line))

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "time": self._time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        try:
            fields["message"] = record.getMessage()
        except Exception as error:  # noqa: BLE001  # arguments that do not fit, or whose __str__ raises
            fields["message"] = text_of(record.msg)
            fields["args"] = list(record.args or ())
            fields["logging_error"] = f"{type(error).__name__}: {text_of(error)}"
        extra = vars(record)
        if len(extra) != STANDARD_SIZE:
            for name, value in extra.items():
                if name in STANDARD_FIELDS:
                    continue
                if name == "extra" and isinstance(value, dict):
                    for inner, each in value.items():
                        fields[_free_name(text_of(inner), fields)] = each
                else:
                    fields[_free_name(name, fields)] = value
        if record.exc_info or record.exc_text:
            fields["exception"] = _exception(record)
        if record.stack_info:
            fields["stack"] = record.stack_info
        return fields

    def _time(self, created: float) -> str:
        # Most records have the same second as the one before.
        second = int(created)
        known, text = self._second
        if second != known:
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = (second, text)
        return f"{text}.{int((created - second) * 1_000_000):06d}Z"


def with_line_id(line: bytes, line_id: str) -> bytes:
    """
    `line` with a last member `"line_id"`; if it is not a JSON object, it becomes the `message` of one.

    At the end it can be read without parsing the line, see docs/protocol.md.
    """
    if not (line.startswith(b"{") and line.endswith(b"}") and _is_object(line)):
        line = orjson.dumps({"message": line.decode(errors="replace")})
    comma = b"" if line == b"{}" else b","
    return b'%b%b"line_id":"%b"}' % (line[:-1], comma, line_id.encode())


def _is_object(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _free_name(name: str, fields: dict[str, Any]) -> str:
    return f"{name}_" if name in RESERVED or name in fields else name


def _exception(record: logging.LogRecord) -> str:
    if record.exc_text and record.exc_text.strip():
        return record.exc_text
    try:
        # True means the exception being handled, in a record made by hand.
        info = record.exc_info if isinstance(record.exc_info, tuple) else None
        return "".join(traceback.format_exception(*info)).rstrip("\n") if info else ""
    except Exception as error:  # noqa: BLE001  # an exception whose own __str__ raises, at some depth
        return f"<traceback unavailable: {type(error).__name__}>"


def _truncate(fields: dict[str, Any], size: int) -> bytes:
    kept: dict[str, Any] = {
        name: text_of(fields[name])[:CUT_CHARACTERS]
        for name in ("time", "level", "logger", "message", "exception")
        if name in fields
    }
    return json_of({**kept, "truncated": True, "size": size})
