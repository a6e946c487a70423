"""
What the hub itself logs: one line a record, as text or as JSON, without secrets.

    logger.info("worker_ended pid=%(pid)d", {"pid": 7}) --> … worker_ended pid=7
                                                        --> {"event": "worker_ended", "pid": 7, …}

Every event of ours passes its fields as one mapping, the form that the standard library takes as the only argument. So
the fields have names and types here, and are in the text wherever an app formats the hub's records with a formatter of
its own; `extra=` would leave them out there, and forbids names such as `name`.
"""

import json
import logging
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from sse_hub.redis_url import passwords_in

HIDDEN = "***"
# A password shorter than this would be found in words that have nothing to do with it; the patterns below hide it.
SHORTEST_SECRET = 4
SECRETS = re.compile(
    r"(?P<before>://[^\s/@:\"']*:)[^\s@/\"']+(?=@)"
    r"|(?P<name>\b(?:ticket|token|access_token|password|secret)[=:]\s*[\"']?)[^\s&\"',;]+"
    r"|(?P<scheme>\b(?:Bearer|Basic)\s+)[A-Za-z0-9+/=._~-]+"
    r"|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
    re.IGNORECASE,
)
EVENT = re.compile(r"[a-z]+(?:_[a-z]+)+(?= |$)")
BREAKS = str.maketrans({"\n": "\\n", "\r": "\\r", "\u2028": "\\u2028", "\u2029": "\\u2029", "\0": "\\0"})


def secrets_of(*urls: str | None) -> frozenset[str]:
    """The passwords in `urls`, as they are spelt there and as they are meant."""
    found = {word for url in urls if url for word in passwords_in(url)}
    return frozenset(word for word in found if len(word) >= SHORTEST_SECRET)


class TextLogFormatter(logging.Formatter):
    """A line of text; `who` stands before each message, where several processes log to one place."""

    def __init__(self, secrets: Iterable[str] = (), who: str = "") -> None:
        super().__init__()
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._who = who

    def format(self, record: logging.LogRecord) -> str:
        time = self.formatTime(record)
        line = f"{time} {record.levelname:<7} {record.name} {self._who}{record.getMessage().translate(BREAKS)}"
        return self.without_secrets("\n".join(filter(None, (line, self.trace(record)))))

    def trace(self, record: logging.LogRecord) -> str:
        """The traceback of the record's exception, if it has one."""
        return self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""

    def without_secrets(self, text: str) -> str:
        """`text` with *** where it has a secret, or what looks like one."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return SECRETS.sub(lambda found: "".join(filter(None, found.groups())) + HIDDEN, text)


class JsonLogFormatter(TextLogFormatter):
    """An object on a line: our own events with their values as members, what others log as `message`."""

    def __init__(self, secrets: Iterable[str] = (), pid: int | None = None) -> None:
        super().__init__(secrets)
        self._pid = pid

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        members: dict[str, object] = {"time": time, "level": record.levelname.lower(), "logger": record.name}
        if self._pid is not None:
            members["worker"] = self._pid
        members |= self._clean(_event_of(record))
        if trace := self.trace(record):
            members["exception"] = self.without_secrets(trace)
        return json.dumps(members, default=str, ensure_ascii=False).translate(BREAKS)

    def _clean(self, parts: dict[str, object]) -> dict[str, object]:
        numbers = (int, float)
        return {
            name: part if isinstance(part, numbers) else self.without_secrets(str(part)) for name, part in parts.items()
        }


def _event_of(record: logging.LogRecord) -> dict[str, object]:
    event = EVENT.match(str(record.msg))
    fields = record.args if isinstance(record.args, Mapping) else {}
    if event is None or (record.args and not fields):
        return {"message": record.getMessage()}
    texts = {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value for name, value in fields.items()
    }
    return {"event": event[0], **texts}
