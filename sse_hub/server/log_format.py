"""
The format of the hub's own log: one line per record, as text or JSON, without secrets or control characters.

    logger.info("worker_ended pid=%(pid)d", {"pid": 7}) --> … worker_ended pid=7
                                                        --> {"event": "worker_ended", "pid": 7, …}

The hub's events pass their fields as one mapping, which the standard library allows as the only argument. So the
fields have names and types here, and are still in the text if an app formats the hub's records itself. `extra=` would
omit them there, and forbids names such as `name`.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from traceback import TracebackException

from sse_hub.redis_url import passwords_in

HIDDEN = "***"
# A shorter password would be found in unrelated words; the patterns below hide it.
MIN_SECRET_CHARACTERS = 4
SECRETS = re.compile(
    r"(?P<before>://[^\s/@:\"']*:)[^\s@/\"']+(?=@)"
    r"|(?P<name>\b(?:ticket|token|access_token|password|sentinel_password|secret)[=:]\s*[\"']?)[^\s&\"',;]+"
    r"|(?P<scheme>\b(?:Bearer|Basic)\s+)[A-Za-z0-9+/=._~-]+"
    r"|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
    re.IGNORECASE,
)
EVENT = re.compile(r"[a-z]+(?:_[a-z]+)+(?= |$)")
# In a traceback: the lines of a frame, below any `|` of an exception group. All other parts are one line each.
FRAME = re.compile(r'[ |]*File "')


def secrets_of(*urls: str | None) -> frozenset[str]:
    """The passwords in `urls`, both as they are written there and decoded, without those too short to search for."""
    passwords = {password for url in urls if url for password in passwords_in(url)}
    return frozenset(password for password in passwords if len(password) >= MIN_SECRET_CHARACTERS)


class TextLogFormatter(logging.Formatter):
    """Formats a record as a line of text; `prefix` precedes each message, to tell apart processes that share a log."""

    def __init__(self, secrets: Iterable[str] = (), prefix: str = "") -> None:
        super().__init__()
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._prefix = prefix

    def format(self, record: logging.LogRecord) -> str:
        time = self.formatTime(record)
        line = f"{time} {record.levelname:<7} {record.name} {self._prefix}{printable(record.getMessage())}"
        # Indented, so that a line which begins with a time is a record, whatever a traceback says.
        return self.without_secrets("\n".join([line, *("  " + each for each in self.trace(record).splitlines())]))

    def trace(self, record: logging.LogRecord) -> str:
        """The traceback of the record's exception, with a printable message; empty without one."""
        if not record.exc_info or record.exc_info[0] is None:
            return ""
        parts = (part.strip("\n") for part in TracebackException(*record.exc_info).format())
        lines = (line for part in parts for line in (part.split("\n") if FRAME.match(part) else [part]))
        return "\n".join(map(printable, lines))

    def without_secrets(self, text: str) -> str:
        """`text` with *** for each secret, and for everything that looks like one."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return SECRETS.sub(lambda found: "".join(filter(None, found.groups())) + HIDDEN, text)


class JsonLogFormatter(TextLogFormatter):
    """Formats a record as a JSON object: the hub's events with their fields as members, other records as `message`."""

    def __init__(self, secrets: Iterable[str] = (), pid: int | None = None) -> None:
        super().__init__(secrets)
        self._pid = pid

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        members: dict[str, object] = {"time": time, "level": record.levelname.lower(), "logger": record.name}
        if self._pid is not None:
            members["worker"] = self._pid
        members |= self._clean(_members_of(record))
        if trace := self.trace(record):
            members["exception"] = self.without_secrets(trace)
        return printable(json.dumps(members, default=str, ensure_ascii=False), _json_escape)

    def _clean(self, members: dict[str, object]) -> dict[str, object]:
        return {
            name: value if isinstance(value, int | float) else self.without_secrets(str(value))
            for name, value in members.items()
        }


def printable(text: str, escape: Callable[[str], str] = lambda sign: sign.encode("unicode_escape").decode()) -> str:
    """
    `text` with escapes, as in Python, for what is not printable: line ends, ESC and other control characters, signs
    that change the direction of text, and halves of surrogate pairs, which can't be written at all.
    """
    return text if text.isprintable() else "".join(sign if sign.isprintable() else escape(sign) for sign in text)


def _json_escape(sign: str) -> str:
    # json.dumps() leaves DEL as it is. A sign beyond U+FFFF becomes two.
    return "\\u007f" if sign == "\x7f" else json.dumps(sign)[1:-1]


def _members_of(record: logging.LogRecord) -> dict[str, object]:
    event = EVENT.match(str(record.msg))
    fields = record.args if isinstance(record.args, Mapping) else {}
    if event is None or (record.args and not fields):
        return {"message": record.getMessage()}
    decoded = {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value for name, value in fields.items()
    }
    return {"event": event[0], **decoded}
