"""
The format of the hub's own log: one line per record, as text or JSON, without secrets.

    logger.info("worker_ended pid=%(pid)d", {"pid": 7}) --> … worker_ended pid=7
                                                        --> {"event": "worker_ended", "pid": 7, …}

The hub's events pass their fields as one mapping, which the standard library allows as the only argument. So the
fields have names and types here, and are still in the text if an app formats the hub's records itself. `extra=` would
omit them there, and forbids names such as `name`.
"""

import json
import logging
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from sse_hub.redis_url import passwords_in

HIDDEN = "***"
# A shorter password would be found in unrelated words; the patterns below hide it.
MIN_SECRET_CHARACTERS = 4
SECRETS = re.compile(
    r"(?P<before>://[^\s/@:\"']*:)[^\s@/\"']+(?=@)"
    r"|(?P<name>\b(?:ticket|token|access_token|password|secret)[=:]\s*[\"']?)[^\s&\"',;]+"
    r"|(?P<scheme>\b(?:Bearer|Basic)\s+)[A-Za-z0-9+/=._~-]+"
    r"|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
    re.IGNORECASE,
)
EVENT = re.compile(r"[a-z]+(?:_[a-z]+)+(?= |$)")
LINE_BREAKS = str.maketrans({"\n": "\\n", "\r": "\\r", "\u2028": "\\u2028", "\u2029": "\\u2029", "\0": "\\0"})


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
        line = f"{time} {record.levelname:<7} {record.name} {self._prefix}{record.getMessage().translate(LINE_BREAKS)}"
        return self.without_secrets("\n".join(filter(None, (line, self.trace(record)))))

    def trace(self, record: logging.LogRecord) -> str:
        """The traceback of the record's exception; empty without one."""
        return self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""

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
        return json.dumps(members, default=str, ensure_ascii=False).translate(LINE_BREAKS)

    def _clean(self, members: dict[str, object]) -> dict[str, object]:
        return {
            name: value if isinstance(value, int | float) else self.without_secrets(str(value))
            for name, value in members.items()
        }


def _members_of(record: logging.LogRecord) -> dict[str, object]:
    event = EVENT.match(str(record.msg))
    fields = record.args if isinstance(record.args, Mapping) else {}
    if event is None or (record.args and not fields):
        return {"message": record.getMessage()}
    decoded = {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value for name, value in fields.items()
    }
    return {"event": event[0], **decoded}
