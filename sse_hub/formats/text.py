"""
Text lines: the forms of the table in order, then key=value pairs; else the text is the message. Pure: no I/O.

    "2026-11-21 03:50:18 WARN shop.api: slow" --> read_text() --> Record(level=WARN, logger="shop.api", message="slow")

docs/formats.md has the steps.
"""

import re
from collections.abc import Callable, Mapping

from sse_hub.formats.ansi import strip_ansi
from sse_hub.formats.levels import (
    ERROR,
    NONE,
    is_level_word,
    level_in_text,
    level_of_number,
    level_of_prefix,
    level_of_sign,
    level_of_status,
    level_of_word,
)
from sse_hub.formats.logfmt import parse_labels, parse_pairs, parse_scalar, split_pairs
from sse_hub.formats.names import WHOLE, roles_of
from sse_hub.formats.object_shape import shape_of
from sse_hub.formats.objects import InnerReader, read_request_line
from sse_hub.formats.record import Failure, Record
from sse_hub.formats.rows import Fit, Rows, TableRow, parse_row
from sse_hub.formats.table import BLANKS, TABLE, as_in_javascript
from sse_hub.formats.times import leading_time, parse_time, time_of_parts
from sse_hub.formats.traces import failure_of_text, trace_start
from sse_hub.formats.values import parse_object, text_of

# No format needs more of a line, and no line takes long.
WINDOW = 4_096
PRIORITY = re.compile(r"<([0-9]{1,3})>(?![0-9] )")
STRUCTURED = as_in_javascript(r"""\[([^\s\]]+)|([^\s=\]["]+)="((?:[^"\\]|\\.)*)\"""")
MAX_STRUCTURED = 65_536
JSON_ATTEMPTS = 8
CLOSING = {"[": "]", "(": ")"}
NIL = "-"
TIME_ROLE = re.compile(r"(?:year|month|day|hour|minute|second|fraction|half|zone|epoch)")
AFTER_TIME_SIGN = re.compile(r"[ \t]*(?:\|[ \t]*|[:,-][ \t]+)?")
# Text that is indented continues another line.
INDENTED = re.compile(r"[ ]{2}|\t")
PADDED = as_in_javascript(r"([\s\S]*\S) +\[([\w.:-]+)\]")
QUOTED = as_in_javascript(r'"((?:[^"\\]|\\.)*)"\s*')
CONTEXT = as_in_javascript(r'([\s\S]*?) (\{"[\s\S]*\}|\[\])(?: (\{"[\s\S]*\}|\[\]|\{\}))?\s*')
PHP_OBJECT = re.compile(r"\[object\] \(([\w\\]+)\(code: \w+\): ", re.ASCII)
PHP_PLACE = re.compile(r" at [^ \n]+:[0-9]+\)")
NAME = re.compile(r"[\w.-]+:?", re.ASCII)
TRACE_ALONE = re.compile(r"(?:Traceback|[/\s|+]|[A-Z]:\\|file:|node:)", re.ASCII)

_HEADS = [(row.get("at"), parse_row(row)) for row in TABLE["heads"]]
LINES = Rows([parse_row(row) for row in TABLE["lines"]])
AFTER_TIME = Rows([row for at, row in _HEADS if at != "start"])
AT_START = Rows([row for at, row in _HEADS if at != "time"])


def read_text(record: Record, text: str, reading: InnerReader) -> bool:
    """Fill `record` from one text. True if the text has a form of its own."""
    plain = shown_text(strip_ansi(text))
    if trace_start(plain) == 0:
        record.error = failure_of_text(plain)
        record.message = head_of(plain, record.error)
        record.level = ERROR
        return False
    if _by_rows(record, LINES, plain, None, reading):
        return True
    if priority := PRIORITY.match(plain):
        _on_scale(record, str(int(priority[1]) & 7), "syslog")
        plain = plain[priority.end() :]
    if timed := _take_leading_time(record, plain, reading.arrived_ms):
        return _read_after_time(record, *timed, reading)
    if not INDENTED.match(plain) and _by_rows(record, AT_START, plain, None, reading):
        return True
    if _by_pairs(record, plain, reading):
        return True
    _read_plain(record, plain, reading)
    return False


def shown_text(text: str) -> str:
    """What a terminal shows: of the parts of a line between carriage returns, the last one that is not empty."""
    if "\r" not in text:
        return text
    text = text.replace("\r\n", "\n")
    if "\r" not in text:
        return text
    return "\n".join([line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")])


def head_of(text: str, error: Failure) -> str:
    """The message of an error that has no other: what was raised, or the first line."""
    if error.type is not None and TRACE_ALONE.match(text):
        return f"{error.type}: {error.message or ''}"
    return text.partition("\n")[0]


def _take_leading_time(record: Record, text: str, arrived_ms: int | None) -> tuple[str, str] | None:
    closing = CLOSING.get(text[:1])
    start = 1 if closing else 0
    window = text[start : start + WINDOW]
    found = leading_time(window.lstrip(BLANKS), arrived_ms)
    if found is None:
        return None
    record.time, end, name = found
    rest = text[start + len(window) - len(window.lstrip(BLANKS)) + end :]
    if closing:
        rest = rest[1:] if rest.startswith(closing) else text[0] + rest
    return rest, name


def _read_after_time(record: Record, rest: str, name: str | None, reading: InnerReader) -> bool:
    if _by_rows(record, AFTER_TIME, rest, name, reading):
        return True
    record.format = "time"
    text = AFTER_TIME_SIGN.sub("", rest, count=1)
    if text and not reading.known(record, text):
        _read_plain(record, text, reading)
    return True


def _by_rows(record: Record, rows: Rows, text: str, time_name: str | None, reading: InnerReader) -> bool:
    return any(
        (not fit.row.after or time_name in fit.row.after) and _fill(record, fit, text, reading)
        for fit in rows.fits(text[:WINDOW] if len(text) > WINDOW else text)
    )


# False if a group holds what its role cannot be.
def _fill(record: Record, fit: Fit, text: str, reading: InnerReader) -> bool:
    row, match, first = fit
    values = [match[first + index] for index in range(len(row.roles))]
    if not all(CHECKS[role](value) for role, value in zip(row.roles, values, strict=True) if value and role in CHECKS):
        return False
    time, is_timed = None, True
    if row.time_group is not None:
        time = parse_time(values[row.time_group], reading.arrived_ms)
        is_timed = values[row.time_group] != NIL
    elif row.timed:
        time = time_of_parts(row.roles, match, reading.arrived_ms, first)
    else:
        is_timed = False
    if is_timed and time is None:
        return False
    rest = text[match.end() :]
    weak = row.rest == "known"
    if weak and not reading.known(record, rest):
        return False
    if time:
        record.time = time
    _fill_roles(record, row, values, weak)
    if not weak:
        record.format = row.format
        if row.rest == "message" and record.logger is None and not rest.strip(BLANKS):
            record.message = text.strip(BLANKS)
            return True
        RESTS[row.rest](record, text.lstrip(BLANKS) if row.keep else rest, reading)
    return True


def _fill_roles(record: Record, row: TableRow, values: list[str | None], weak: bool) -> None:
    if row.level != NONE:
        record.level = row.level
    for role, value in zip(row.roles, values, strict=True):
        if value is None:
            continue
        if role in FILL:
            if not weak or getattr(record, role, None) is None:
                FILL[role](record, value)
        elif value not in (NIL, "") and not TIME_ROLE.match(role):
            record.fields[role] = parse_scalar(value)


def _fill_level(record: Record, text: str) -> None:
    record.level, record.level_word = level_of_word(text), text.strip(BLANKS)


def _fill_sign(record: Record, text: str) -> None:
    record.level, record.level_word = level_of_sign(text), text


def _on_scale(record: Record, text: str, scale: str) -> None:
    record.level, record.level_word = level_of_number(int(text), scale), text


def _fill_structured(record: Record, text: str) -> None:
    for found in STRUCTURED.finditer(text[:MAX_STRUCTURED]):
        if found[2]:
            record.fields[found[2]] = re.sub(r'\\(["\\\]])', r"\1", found[3])


def _fill_status(record: Record, text: str) -> None:
    record.fields["status"] = parse_scalar(text)
    if WHOLE.fullmatch(text):
        record.level = max(record.level, level_of_status(int(text)))


def _fill_nothing(record: Record, text: str) -> None:
    """The part has been read already."""


def _setter(name: str, nil: bool = False) -> Callable[[Record, str], None]:
    def fill(record: Record, text: str) -> None:
        setattr(record, name, None if nil and text == NIL else text)

    return fill


FILL: Mapping[str, Callable[[Record, str], None]] = {
    "level": _fill_level,
    "column": _fill_level,
    "letter": _fill_sign,
    "sign": _fill_sign,
    "python": lambda record, text: _on_scale(record, text, "python"),
    "pri": lambda record, text: _on_scale(record, str(int(text) & 7), "syslog"),
    "structured": _fill_structured,
    "status": _fill_status,
    "request": lambda record, text: read_request_line(record.fields, text.replace('\\"', '"')),
    "logger": lambda record, text: setattr(record, "logger", None if text == NIL else text.strip(BLANKS)),
    "host": _setter("host", nil=True),
    "pid": _setter("pid", nil=True),
    "thread": _setter("thread"),
    "function": _setter("function"),
    "line": _setter("line"),
    "file": _setter("file"),
    "message": _setter("message"),
    "part": _setter("part"),
    "time": _fill_nothing,
}
# A row does not match if the text of a group is none of these.
CHECKS: Mapping[str, Callable[[str], bool]] = {
    "level": lambda text: level_of_prefix(text) != NONE,
    "letter": lambda text: level_of_sign(text) != NONE,
    "sign": lambda text: level_of_sign(text) != NONE,
    "host": lambda text: not is_level_word(text),
    "logger": lambda text: not is_level_word(text),
}


# A message may end in an object of JSON, or be one.
def _read_message(record: Record, text: str, reading: InnerReader) -> None:
    record.message = text.rstrip(BLANKS) if text.endswith("\n") else text
    found = _trailing_object(record.message) if record.message.endswith("}") else None
    if found is None:
        return
    at, members = found
    prefix = record.message[:at].strip(BLANKS)
    inner = Record()
    reading.object(inner, members)
    if prefix:
        record.message = prefix
        if record.format == "plain":
            record.format = "text-json"
        if record.level_word is not None or (inner.level_word is None and inner.message is None):
            record.fields |= members
            return
        if NAME.fullmatch(prefix):
            inner.logger = inner.logger if inner.logger is not None else prefix.removesuffix(":")
        else:
            inner.message = " ".join(filter(None, (prefix, inner.message)))
    inner.format = record.format
    record.adopt(inner)


def _trailing_object(text: str) -> tuple[int, dict[str, object]] | None:
    if len(text) > MAX_STRUCTURED:
        return None
    at = 0 if text.startswith("{") else text.find(" {") + 1
    for _ in range(JSON_ATTEMPTS):
        if at >= WINDOW or text[at : at + 1] != "{":
            return None
        members = parse_object(text[at:])
        if members:
            return at, members
        at = text.find(" {", at) + 1
    return None


def _read_line(record: Record, text: str, reading: InnerReader) -> None:
    if not reading.known(record, text):
        _read_message(record, text, reading)


def _read_head(record: Record, text: str, reading: InnerReader) -> None:
    _read_after_time(record, text, None, reading)


# zerolog, logrus: text, key=value
def _read_pairs(record: Record, text: str, reading: InnerReader) -> None:
    message, pairs = split_pairs(text)
    record.message = message.rstrip(BLANKS)
    record.fields |= pairs


# structlog: text padded to 30, [logger], key=value
def _read_padded(record: Record, text: str, reading: InnerReader) -> None:
    head, pairs = split_pairs(text)
    tail = PADDED.fullmatch(head[-400:])
    record.message = head[:-400] + tail[1] if tail else head
    record.logger = tail[2] if tail else record.logger
    record.fields |= pairs


# klog: "text" key=value
def _read_quoted(record: Record, text: str, reading: InnerReader) -> None:
    quoted = QUOTED.match(text)
    pairs = None
    if quoted:
        pairs = {} if quoted.end() == len(text) else parse_pairs(text[quoted.end() :])
    if quoted is None or pairs is None:
        record.message = text
        return
    record.message = re.sub(r'\\(["\\])', r"\1", quoted[1])
    record.fields |= pairs


# zap: text, tab, JSON
def _read_tabs(record: Record, text: str, reading: InnerReader) -> None:
    tab = text.rfind("\t{")
    members = parse_object(text[tab + 1 :]) if tab >= 0 else None
    record.message = text if members is None else text[:tab]
    record.fields |= members or {}


# Monolog: text, JSON of the context, JSON of the rest
def _read_context(record: Record, text: str, reading: InnerReader) -> None:
    match = CONTEXT.fullmatch(text[:MAX_STRUCTURED])
    record.message = match[1] if match else text
    for json in (match[2], match[3]) if match else ():
        members = parse_object(json.replace("\n", "\\n")) if json and json.startswith("{") else None
        if members and isinstance(members.get("exception"), str):
            record.error = failure_of_text(
                PHP_PLACE.sub("", PHP_OBJECT.sub(r"\1: ", members["exception"], count=1), count=1)
            )
        record.fields |= members or {}


def _read_stack(record: Record, text: str, reading: InnerReader) -> None:
    if text.strip(BLANKS):
        record.message = (record.message or "") + text


# The message of a request is its method, path and status; the status gives its level.
def _describe_request(record: Record, text: str, reading: InnerReader) -> None:
    fields = record.fields
    if record.message is None:
        parts = (
            fields.get("method", fields.get("request")),
            fields.get("path"),
            fields.get("status"),
            fields.get("phrase"),
        )
        record.message = " ".join(text_of(part) for part in parts if part is not None and part != "")
    if "version" in fields:
        fields["version"] = text_of(fields["version"])
    fields.pop("phrase", None)


RESTS: Mapping[str, Callable[[Record, str, InnerReader], None]] = {
    "message": _read_message,
    "line": _read_line,
    "head": _read_head,
    "pairs": _read_pairs,
    "padded": _read_padded,
    "quoted": _read_quoted,
    "tabs": _read_tabs,
    "context": _read_context,
    "stack": _read_stack,
    "request": _describe_request,
}


def _by_pairs(record: Record, text: str, reading: InnerReader) -> bool:
    pairs = parse_pairs(text) if "=" in text else parse_labels(text) if "\t" in text else None
    if pairs is None:
        return False
    words = sum(value is True for value in pairs.values())
    is_known = (
        not roles_of(pairs, shape_of(pairs).roles).keys().isdisjoint(("time", "level", "message"))
        and len(pairs) - words >= 2
    )
    if not is_known and (len(pairs) < 3 or words):
        return False
    reading.object(record, pairs)
    record.format = "logfmt"
    return True


def _read_plain(record: Record, text: str, reading: InnerReader) -> None:
    _read_message(record, text, reading)
    if record.level_word is None:
        record.level, record.level_word = level_in_text(text)
