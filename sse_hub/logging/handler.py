"""
The handler that an app adds to its loggers.

    RedisHandler.handle(record) --> line --> LineBuffer.append(): a few microseconds, no lock that is held for long
"""

import itertools
import logging
import os
import sys
import time
import weakref
from collections.abc import Sequence

from sse_hub.errors import InvalidSetting, error_text
from sse_hub.logging.buffer import Counts, LineBuffer, LossCounts
from sse_hub.logging.delivery import Delivery
from sse_hub.logging.formatter import JsonFormatter, with_line_id
from sse_hub.logging.sender import SenderThread
from sse_hub.protocol.selection import ALLOWED, is_channel

OWN_LOGGER = "sse_hub.logging"
BUFFER_BYTES = 16 * 1024 * 1024
EXIT_SECONDS = 2.0


class RedisHandler(logging.Handler):
    """
    Publishes records on `channel` of the Redis at `url`, from a separate thread. Logging never waits and never fails.

    `buffer_bytes` limits the lines that wait while Redis is unreachable or slow; lines that don't fit are counted, and
    reported by a line once there is room. `exit_seconds` is how long flush() and close() wait for the remaining lines.
    With `durable`, lines are kept until the hub's log has them; `ingest` is the hub's `--ingest`, if that is not `*`.
    Lines are those of JsonFormatter, unless another formatter is set.
    Raises InvalidSetting if `url` or `channel` can't be used.
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
        # Set from the start: basicConfig() sets its own formatter on a handler without one.
        self.formatter = self._json
        self._delivery = _make_delivery(url, channel, durable, [ingest] if isinstance(ingest, str) else ingest)
        self._closed = False
        self._reset()
        _handlers.add(self)

    def handle(self, record: logging.LogRecord) -> bool:
        """Buffer the line of `record`, if the filters pass it."""
        # Without the handler's lock: an object with a slow __str__ must not stop other threads.
        passed = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Buffer the line of `record`. Never raises, never waits for Redis."""
        if record.name == OWN_LOGGER:
            # What the sender logs about Redis is for the app's other handlers.
            return
        try:
            self._buffer.append(self._format_line(record))
            if not self._started:
                self._start()
        except Exception:  # noqa: BLE001  # an app must not fail by logging
            self._buffer.count_dropped()

    def flush(self) -> None:
        """Wait until Redis, or with `durable` the hub's log, has all lines; at most `exit_seconds`."""
        if not self._closed:
            self._sender.flush(self._exit_seconds)

    def close(self) -> None:
        """Flush, and close the connection. Lines that could not be sent are dropped; stderr reports how many."""
        if self._closed:
            return
        self._closed = True
        if not self._sender.stop(self._exit_seconds) and sys.stderr:
            waiting = self._buffer.counts.waiting
            sys.stderr.write(f"{OWN_LOGGER}: {waiting} lines were not sent within {self._exit_seconds:g} s\n")
        super().close()

    @property
    def counts(self) -> Counts:
        """What became of the lines of this process so far."""
        return self._buffer.counts

    def _reset(self) -> None:
        """Start empty: at first, and in a forked process, where everything belongs to the parent."""
        self._line_prefix = os.urandom(8).hex()
        self._line_numbers = itertools.count(1)
        self._buffer = LineBuffer(self._buffer_bytes, self._make_report)
        self._sender = SenderThread(self._buffer, self._delivery)
        self._started = False

    def _start(self) -> None:
        with self._buffer.lock:
            if self._started:
                return
            self._started = True
        _flush_with_process()
        self._sender.start()

    def _format_line(self, record: logging.LogRecord) -> bytes:
        if isinstance(self.formatter, JsonFormatter):
            line = self.formatter.line(record)
        else:
            try:
                line = self.format(record).encode(errors="replace")
            except Exception:  # noqa: BLE001  # arguments that don't match: the line says so
                line = self._json.line(record)
        return self._add_line_id(line)

    def _add_line_id(self, line: bytes) -> bytes:
        return with_line_id(line, f"{self._line_prefix}-{next(self._line_numbers)}") if self._durable else line

    def _make_report(self, loss: LossCounts) -> bytes:
        message = f"{loss.dropped:,} log lines dropped"
        if loss.unsure:
            message += f", {loss.unsure:,} possibly not published"
        record = logging.makeLogRecord({"name": OWN_LOGGER, "levelno": logging.WARNING, "levelname": "WARNING"})
        record.msg = message
        record.created = time.time()
        vars(record).update(loss._asdict(), pid=os.getpid())
        return self._add_line_id(self._json.line(record))


_handlers: "weakref.WeakSet[RedisHandler]" = weakref.WeakSet()
_forking: list[RedisHandler] = []


def _make_delivery(url: str, channel: str, durable: bool, ingest: Sequence[str]) -> Delivery:
    # Importing redis-py takes a quarter of a second: it is imported when a handler is created.
    from sse_hub.logging.at_most_once import AtMostOnceDelivery
    from sse_hub.logging.connection import RedisConnection

    try:
        connection = RedisConnection(url)
    except ValueError as error:
        raise InvalidSetting(f"The Redis URL is invalid: {error_text(error)}.") from None
    if not durable:
        return AtMostOnceDelivery(connection, channel)
    from sse_hub.logging.durable import DurableDelivery

    return DurableDelivery(connection, channel, ingest)


def _flush_all() -> None:
    for handler in list(_handlers):
        handler.flush()


def _flush_with_process() -> None:
    """A child of multiprocessing, or of Celery's billiard, exits without atexit: register a flush with theirs."""
    for name in ("multiprocessing.util", "billiard.util"):
        if module := sys.modules.get(name):
            module.Finalize(None, _flush_all, exitpriority=-100)


def _before_fork() -> None:
    _forking[:] = _handlers
    for handler in _forking:
        # So that no other thread is in the middle of a change when memory is copied.
        handler._buffer.lock.acquire()


def _after_fork_in_parent() -> None:
    for handler in _forking:
        handler._buffer.lock.release()
    _forking.clear()


def _after_fork_in_child() -> None:
    for handler in _forking:
        handler._delivery.reset_after_fork()
        handler._reset()
    _forking.clear()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
