"""
The thread that sends: it takes lines from the buffer, and when Redis is away it waits for it, and tries again.

    Buffer.take() --> Delivery.deliver() --> Buffer.settle()
"""

import logging
import threading
import time

from sse_hub.logging.buffer import Buffer
from sse_hub.logging.delivery import Delivery, Outcome

logger = logging.getLogger("sse_hub.logging")

# Lines gather for this long after a turn, so that one pipeline has many: each turn takes the interpreter from the app.
GATHER_SECONDS = 0.01
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


class SenderThread:
    """Sends what is in `buffer`, in a thread of its own from start() on."""

    def __init__(self, buffer: Buffer, delivery: Delivery) -> None:
        self._buffer = buffer
        self._delivery = delivery
        self._hurry = threading.Event()
        self._stopped = False
        self._lost = False
        self._wait_seconds = FIRST_WAIT_SECONDS
        # One turn at a time: where no thread can be started any more, flush() sends by itself.
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread. RuntimeError where the interpreter is ending."""
        thread = threading.Thread(target=self._run, name="sse-hub-logging", daemon=True)
        thread.start()
        self._thread = thread

    def flush(self, seconds: float) -> bool:
        """
        Wait until all lines are sent, `seconds` at most; True if they are. Redis is tried more often meanwhile.
        """
        deadline = time.monotonic() + seconds
        self._hurry.set()
        try:
            if self._thread is None or not self._thread.is_alive():
                self._run_until(deadline)
            return self._buffer.wait_empty(deadline)
        finally:
            self._hurry.clear()

    def stop(self, seconds: float) -> bool:
        """As flush(), and let the thread end."""
        done = self.flush(seconds)
        self._stopped = True
        self._hurry.set()
        self._buffer.ring()
        return done

    # The rest.

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
        """One turn. True when there was more than fits into one."""
        with self._turn:
            lines = self._buffer.take(self._delivery.most_lines, self._delivery.most_bytes)
            if not lines:
                return False
            try:
                outcome = self._delivery.deliver(lines)
            except Exception as error:  # noqa: BLE001  # of a library: the thread must outlive it
                self._delivery.close()
                outcome = (
                    Outcome(lines, error=repr(error)) if self._delivery.repeats else Outcome((), lines, repr(error))
                )
            self._buffer.settle(outcome.again, outcome.unsure)
        self._tell(outcome.error)
        if outcome.error:
            self._back_off()
        else:
            self._wait_seconds = FIRST_WAIT_SECONDS
        return len(lines) == self._delivery.most_lines

    def _back_off(self) -> None:
        if self._hurry.is_set() and not self._stopped:
            # Somebody waits for a flush that has its own bound.
            time.sleep(FIRST_WAIT_SECONDS)
            return
        self._hurry.wait(self._wait_seconds)
        self._wait_seconds = min(self._wait_seconds * 2, LONGEST_WAIT_SECONDS)

    def _tell(self, error: str) -> None:
        """One line for each change of state, for the app's other handlers."""
        if error and not self._lost:
            logger.warning("redis_lost error=%(error)r", {"error": error})
        elif self._lost and not error:
            logger.info("redis_restored")
        self._lost = bool(error)
