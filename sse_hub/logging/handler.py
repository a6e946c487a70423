"""
The handler that an app adds to its loggers.

    RedisHandler.handle(record) --> line --> Buffer.append(): a few microseconds, no lock that is held for long
"""

import itertools
import logging
import os
import sys
import time
import weakref
from collections.abc import Sequence

from sse_hub.errors import InvalidSetting
from sse_hub.logging.buffer import Buffer, Counts, Loss
from sse_hub.logging.delivery import Delivery
from sse_hub.logging.formatter import JsonFormatter, with_line_id
from sse_hub.logging.sender import SenderThread
from sse_hub.protocol.selection import ALLOWED, is_channel

OWN_LOGGER = "sse_hub.logging"
BUFFER_BYTES = 16 * 1024 * 1024
EXIT_SECONDS = 2.0


class RedisHandler(logging.Handler):
    """
    Publishes records on `channel` of the Redis at `url`, from a thread of its own. Logging never waits and never fails.

    `buffer_bytes` bounds what waits while Redis is away or slow; what finds no room is counted, and told by a line once
    there is room. `exit_seconds` is how long flush() and close() wait for what is left. With `durable` lines are kept
    until the hub's log has them; `ingest` is the hub's `--ingest`, if that is not `*`. Lines are those of
    JsonFormatter, unless another formatter is set.

    InvalidSetting when `url` or `channel` can't be used.
    """

    def __init__(
        self,
        url: str = "redis://127.0.0.1:6379/0",
        channel: str = "log",
        *,
        level: int | str = logging.NOTSET,
        durable: bool = False,
        ingest: str | Sequence[str] = "*",
        buffer_bytes: int = BUFFER_BYTES,
        exit_seconds: float = EXIT_SECONDS,
    ) -> None:
        super().__init__(level)
        if not is_channel(channel):
            raise InvalidSetting(f"channel={channel[:64]!r} can't be published on: {ALLOWED.partition(',')[0]}.")
        self._durable = durable
        self._buffer_bytes = buffer_bytes
        self._exit_seconds = exit_seconds
        self._json = JsonFormatter()
        # From the beginning: basicConfig() gives its own one to a handler that has none.
        self.formatter = self._json
        self._delivery = _delivery(url, channel, durable, [ingest] if isinstance(ingest, str) else ingest)
        self._closed = False
        self._begin()
        _handlers.add(self)

    def handle(self, record: logging.LogRecord) -> bool:
        """Keep the line of `record`, if the filters let it pass."""
        # Without the handler's lock: an object whose __str__ takes its time must not stop other threads.
        passed = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line of `record`. Never raises, never waits for Redis."""
        if record.name == OWN_LOGGER:
            # What the sender says of Redis is for the app's other handlers.
            return
        try:
            self._buffer.append(self._line(record))
            if not self._started:
                self._start()
        except Exception:  # noqa: BLE001  # an app must not fail by logging
            self._buffer.drop()

    def flush(self) -> None:
        """Wait until Redis, or with `durable` the hub's log, has all lines; `exit_seconds` at most."""
        if not self._closed:
            self._sender.flush(self._exit_seconds)

    def close(self) -> None:
        """Flush, and end the connection. Lines that could not be sent are lost; stderr is told of them."""
        if self._closed:
            return
        self._closed = True
        if not self._sender.stop(self._exit_seconds) and sys.stderr:
            waiting = self._buffer.counts.waiting
            sys.stderr.write(f"{OWN_LOGGER}: {waiting} lines were not sent within {self._exit_seconds:g} s\n")
        super().close()

    @property
    def counts(self) -> Counts:
        """What has become of this process's lines so far."""
        return self._buffer.counts

    # The rest.

    def _begin(self) -> None:
        """Begin with nothing: at first, and in a forked process, where all that was is the parent's."""
        self._line_prefix = os.urandom(8).hex()
        self._line_numbers = itertools.count(1)
        self._buffer = Buffer(self._buffer_bytes, self._report)
        self._sender = SenderThread(self._buffer, self._delivery)
        self._started = False

    def _start(self) -> None:
        with self._buffer.lock:
            if self._started:
                return
            self._started = True
        _flush_with_process()
        self._sender.start()

    def _line(self, record: logging.LogRecord) -> bytes:
        if isinstance(self.formatter, JsonFormatter):
            line = self.formatter.line(record)
        else:
            try:
                line = self.format(record).encode(errors="replace")
            except Exception:  # noqa: BLE001  # arguments that do not fit: the line says so
                line = self._json.line(record)
        return self._identified(line)

    def _identified(self, line: bytes) -> bytes:
        return with_line_id(line, f"{self._line_prefix}-{next(self._line_numbers)}") if self._durable else line

    def _report(self, loss: Loss) -> bytes:
        words = f"{loss.dropped:,} log lines dropped"
        if loss.unsure:
            words += f", {loss.unsure:,} perhaps not published"
        record = logging.makeLogRecord({"name": OWN_LOGGER, "levelno": logging.WARNING, "levelname": "WARNING"})
        record.msg = words
        record.created = time.time()
        vars(record).update(loss._asdict(), pid=os.getpid())
        return self._identified(self._json.line(record))


_handlers: "weakref.WeakSet[RedisHandler]" = weakref.WeakSet()
_forking: list[RedisHandler] = []


def _delivery(url: str, channel: str, durable: bool, ingest: Sequence[str]) -> Delivery:
    # redis-py takes a quarter of a second to be imported, so it waits until a handler is made.
    from sse_hub.logging.at_most_once import AtMostOnce
    from sse_hub.logging.connection import RedisConnection

    try:
        link = RedisConnection(url)
    except ValueError as error:
        raise InvalidSetting(f"The URL of Redis can't be used: {error}.") from None
    if not durable:
        return AtMostOnce(link, channel)
    from sse_hub.logging.durable import Durable

    return Durable(link, channel, ingest)


def _flush_all() -> None:
    for handler in list(_handlers):
        handler.flush()


def _flush_with_process() -> None:
    """A child of multiprocessing, or of Celery's billiard, ends without atexit: let it flush in its own way."""
    for name in ("multiprocessing.util", "billiard.util"):
        if module := sys.modules.get(name):
            module.Finalize(None, _flush_all, exitpriority=-100)


def _before_fork() -> None:
    _forking[:] = _handlers
    for handler in _forking:
        # So that no other thread is half-way through a change when all is copied.
        handler._buffer.lock.acquire()


def _after_fork_in_parent() -> None:
    for handler in _forking:
        handler._buffer.lock.release()
    _forking.clear()


def _after_fork_in_child() -> None:
    for handler in _forking:
        handler._delivery.forget()
        handler._begin()
    _forking.clear()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
