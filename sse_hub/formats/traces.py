"""
Stack traces: where one begins in a text, and its error, as Python, Java, .NET, Node, Go, Rust, PHP, Ruby and Elixir
write them. Pure: no I/O.

    trace_start("no\\nTraceback (most …")                              where the trace begins, None without one
    failure_of_text("java.io.IOException: gone\\n\\tat a.B.c(B.java:1)")   Failure("java.io.IOException", "gone", …)

Every pattern begins at the beginning of a line and ends in it, so none takes longer for a longer text.
"""

import re
from typing import Any

from sse_hub.formats.record import Failure
from sse_hub.formats.table import BLANKS, TABLE
from sse_hub.formats.values import indented, text_of

# The table's `$` is the end of the text; these texts have no line feed.
NAMED = re.compile(TABLE["traces"]["named"].removesuffix("$") + r"\Z")
PYTHON = re.compile(r"(?:^|\n)([ \t|+]*)(?:Exception Group )?Traceback \(most recent call last\):")
BEGINS = re.compile(
    r"(?:^|\n)(?:panic: |fatal error: |goroutine [0-9]+ \[|thread '[^'\n]*'(?: \([0-9]+\))? panicked at "
    r"|Stack trace:|\[stacktrace\]|\*\* \([A-Za-z0-9_])"
)
# In prose, "at" is not followed by a position in a file or by brackets.
AT = re.compile(r"\n[ \t]*(?:at [^\n]*[(:[]|from [^\n]*:[0-9]+:in |#[0-9]+ +[^\n]*[(:])")
NODE_SOURCE = re.compile(r"(?:/|[A-Za-z]:\\|file:|node:)[^\n]*:[0-9]+\n[^\n]*\n[ \t]*\^[^\n]*\n{0,2}")
CAUSED = re.compile(r"[ \t]*(?:---> |Caused by|\.\.\. |--- End)")
EXCEPTION = re.compile(r"(?:Exception|Error|Throwable|Failure|Warning|Interrupt|Exit)\Z")
RUST = re.compile(r"thread '[^'\n]*'(?: \([0-9]+\))? panicked at (?:'([^\n]*)', |[^\n]*:[0-9]+:[0-9]+:?\n([^\n]*))")
PHP = re.compile(r"Uncaught ([A-Za-z_][A-Za-z0-9_\\]*): ([^\n]*?)(?: in [^\n ]+:[0-9]+)?(?:\n|\Z)")
RUBY = re.compile(r":in [`'][^\n]*': ([^\n]*) \(([A-Z][A-Za-z0-9_:]*)\)(?:\n|\Z)")
ELIXIR = re.compile(r"\*\* \(([A-Z][A-Za-z0-9_.]*)\) ?([^\n]*)")
# A trace begins in the first part of a text, or is shown as text.
SEARCHED = 65_536
KNOWN_FORM_CHARACTERS = 4_096
LINES_BACK = 40
STACK_KEYS = (
    *("stack", "stack_trace", "stackTrace", "stacktrace", "traceback"),
    *("extendedStackTrace", "StackTrace", "StackTraceString"),
)
TYPE_KEYS = (
    *("type", "name", "className", "class", "exc_type", "exception_class"),
    *("exceptionType", "kind", "Type", "ClassName"),
)
MESSAGE_KEYS = ("message", "msg", "exc_value", "exception_message", "Message")


def failure_of_text(stack: str) -> Failure:
    """The failure of an exception written as text."""
    searched = stack[:SEARCHED]
    kind, message = _of_known_form(searched) or _of_line(_naming_line(searched), "\n" in stack)
    return Failure(kind, message, stack)


def _of_known_form(text: str) -> tuple[str | None, str | None] | None:
    if rust := RUST.match(text):
        return "panic", rust[2] if rust[1] is None else rust[1]
    start = text[:KNOWN_FORM_CHARACTERS]
    php = PHP.search(start)
    if php and "\n    at " not in text:
        return php[1], php[2]
    if ruby := RUBY.search(start):
        return ruby[2], ruby[1]
    elixir = ELIXIR.match(text)
    return (elixir[1], elixir[2]) if elixir else None


# A single word or a sentence is the message of the error, not its type.
def _of_line(line: str, has_stack: bool) -> tuple[str | None, str | None]:
    match = NAMED.match(line.strip(BLANKS))
    if match is None or (match[2] is None and not has_stack):
        return None, None if has_stack else line
    return match[1], match[2]


# Python names the error below its frames, all others in the first line.
def _naming_line(text: str) -> str:
    heads = list(PYTHON.finditer(text))
    if not heads:
        return _line_at(text, _header_start(text))
    # Of a chain it is the last one, of a group the outermost.
    outermost = min(len(head[1]) for head in heads)
    last = next(head for head in reversed(heads) if len(head[1]) == outermost)
    grouped = len(last[1]) > 0
    for line in text[last.end() + 1 :].split("\n"):
        inner = re.sub(r"\A[ \t]*[|+] ", "", line) if grouped else line
        if re.match(r"[A-Za-z_]", inner):
            return inner
    return ""


# Node shows the source first, and then the error.
def _header_start(text: str) -> int:
    source = NODE_SOURCE.match(text)
    return source.end() if source else 0


def _line_at(text: str, start: int) -> str:
    return text[start:].partition("\n")[0]


def failure_at(text: str, start: int) -> Failure:
    """The failure of a trace that begins at `start`; PHP names it in the text before."""
    failure = failure_of_text(text[start:].lstrip(BLANKS))
    php = PHP.search(text[:start]) if failure.type is None else None
    return Failure(php[1], php[2], failure.stack) if php else failure


def failure_of(value: Any) -> Failure:
    """The failure that a logger has under its key for errors: a text, a list or an object."""
    if isinstance(value, str):
        return failure_of_text(value)
    if isinstance(value, list):
        return _of_list(value)
    stack = _first_text(value, STACK_KEYS)
    if stack is None:
        stack = indented(value)
    return Failure(_first_text(value, TYPE_KEYS), _first_text(value, MESSAGE_KEYS), stack)


def _first_text(value: dict[str, object], keys: tuple[str, ...]) -> str | None:
    return next((each for key in keys if isinstance(each := value.get(key), str)), None)


# structlog's dict_tracebacks: one entry for each exception of a chain, the most recent first.
def _of_list(chain: list[Any]) -> Failure:
    first = chain[0] if chain else None
    if not isinstance(first, dict):
        return Failure(None, None, text_of(chain))
    frames = [
        f'  File "{frame.get("filename")}", line {text_of(frame.get("lineno"))}, in {frame.get("name")}'
        for frame in first.get("frames") or ()
        if isinstance(frame, dict)
    ]
    kind = first["exc_type"] if isinstance(first.get("exc_type"), str) else None
    message = first["exc_value"] if isinstance(first.get("exc_value"), str) else None
    stack = "\n".join(["Traceback (most recent call last):", *frames, f"{kind}: {message}"])
    return Failure(kind, message, stack)


def trace_start(text: str) -> int | None:
    """Where a stack trace begins in a text of several lines, None without one."""
    if "\n" not in text:
        return None
    searched = text[:SEARCHED]
    if NODE_SOURCE.match(searched):
        return 0
    found = [start for start in (_first(PYTHON, searched), _first(BEGINS, searched)) if start is not None]
    if (start := _start_of_frames(searched)) is not None:
        found.append(start)
    return min(found, default=None)


def _first(pattern: re.Pattern[str], text: str) -> int | None:
    match = pattern.search(text)
    return None if match is None else match.start() + (text[match.start()] == "\n")


# The line before the first frame names the error; causes and further lines of its message may stand between.
def _start_of_frames(text: str) -> int | None:
    frame = AT.search(text)
    if frame is None:
        return None
    fallback: int | None = None
    end = frame.start()
    for _ in range(LINES_BACK):
        start = text.rfind("\n", 0, end) + 1
        line = text[start:end]
        if RUBY.search(line):
            return start
        match = None if CAUSED.match(line) else NAMED.match(line)
        if match:
            if EXCEPTION.search(match[1]) or ("." in match[1] and match[2] is not None):
                return start
            if fallback is None and line[:1].strip(BLANKS):
                fallback = start
        if start == 0:
            break
        end = start - 1
    return frame.start() + 1 if fallback is None else fallback
