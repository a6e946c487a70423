"""
The thread that sends: it takes lines from the buffer; while Redis is unreachable, it waits and retries.

    LineBuffer.take() --> Delivery.deliver() --> LineBuffer.settle()
"""

import logging
import threading
import time

from sse_hub.logging.buffer import LineBuffer
from sse_hub.logging.delivery import Delivery, Outcome

logger = logging.getLogger("sse_hub.logging")

# Lines collect for this long after a round, so that a pipeline has many: each round takes the interpreter from the app.
GATHER_SECONDS = 0.01
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


class SenderThread:
    """Sends the lines of `buffer`, in a separate thread once started."""

    def __init__(self, buffer: LineBuffer, delivery: Delivery) -> None:
        self._buffer = buffer
        self._delivery = delivery
        self._flushing = threading.Event()
        self._stopped = False
        self._disconnected = False
        self._wait_seconds = FIRST_WAIT_SECONDS
        # One round at once: if no thread can be started any more, flush() sends by itself.
        self._send_lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread. Raises RuntimeError if the interpreter is shutting down."""
        thread = threading.Thread(target=self._run, name="sse-hub-logging", daemon=True)
        thread.start()
        self._thread = thread

    def flush(self, seconds: float) -> bool:
        """
        Wait until all lines are sent, at most `seconds`; whether they are. Meanwhile Redis is retried more often.
        """
        deadline = time.monotonic() + seconds
        self._flushing.set()
        try:
            if self._thread is None or not self._thread.is_alive():
                self._run_until(deadline)
            return self._buffer.wait_empty(deadline)
        finally:
            self._flushing.clear()

    def stop(self, seconds: float) -> bool:
        """Flush, then end the thread."""
        done = self.flush(seconds)
        self._stopped = True
        self._flushing.set()
        self._buffer.wake()
        return done

    def _run(self) -> None:
        while True:
            self._buffer.wait()
            if self._stopped:
                break
            full = self._send()
            if not full and not self._stopped:
                time.sleep(GATHER_SECONDS)
        self._delivery.close()

    def _run_until(self, deadline: float) -> None:
        while self._buffer.counts.waiting and time.monotonic() < deadline:
            self._send()

    def _send(self) -> bool:
        """One round. True if there may be more lines."""
        with self._send_lock:
            lines = self._buffer.take(self._delivery.max_lines, self._delivery.max_bytes)
            if not lines:
                return False
            try:
                outcome = self._delivery.deliver(lines)
            except Exception as error:  # noqa: BLE001  # a bug of a library must not end the thread
                self._delivery.close()
                outcome = (
                    Outcome(lines, error=repr(error))
                    if self._delivery.resends_unsure
                    else Outcome((), lines, repr(error))
                )
            self._buffer.settle(outcome.retry, outcome.unsure)
        self._log_change(outcome.error)
        if outcome.error:
            self._back_off()
        else:
            self._wait_seconds = FIRST_WAIT_SECONDS
        return len(lines) == self._delivery.max_lines

    def _back_off(self) -> None:
        if self._flushing.is_set() and not self._stopped:
            # A flush is waiting, and it has its own limit.
            time.sleep(FIRST_WAIT_SECONDS)
            return
        self._flushing.wait(self._wait_seconds)
        self._wait_seconds = min(self._wait_seconds * 2, LONGEST_WAIT_SECONDS)

    def _log_change(self, error: str) -> None:
        """Log each change of state once, for the app's other handlers."""
        if error and not self._disconnected:
            logger.warning("redis_lost error=%(error)r", {"error": error})
        elif self._disconnected and not error:
            logger.info("redis_restored")
        self._disconnected = bool(error)
