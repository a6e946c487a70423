"""
What every long-running process needs: an event loop, a log on stderr, and a way to end.

    run(main())      log_to_stderr(config)      raise_open_files_limit()      await Shutdown().requested.wait()
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from sse_hub.config import Config
from sse_hub.errors import TaskDied
from sse_hub.server.log_format import JsonLogFormatter, TextLogFormatter, secrets_of
from sse_hub.tasks import cancel_and_wait

# Allocations before a collection of the youngest generation; and how many of these before one of the middle generation.
GC_YOUNG_OBJECTS = 10_000
GC_YOUNG_COLLECTIONS = 5
# A full collection stops everything for 90 ms where there are a million objects, so it comes no more often than this,
# and only after so many collections of the middle generation.
GC_FULL_SECONDS = 60.0
GC_MIDDLE_COLLECTIONS = 400
GC_NEVER = 1_000_000_000

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run `main` in the fastest event loop available, and return its result."""
    if sys.platform == "win32":
        return asyncio.run(_ending_all(main))
    import uvloop

    # Rings and subscribers live long and contain no cycles: frequent collections found nothing, and took a tenth of the
    # CPU with 1,000 channels.
    gc.set_threshold(GC_YOUNG_OBJECTS, GC_YOUNG_COLLECTIONS, GC_NEVER)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_ending_all(main, _collect_garbage()))


async def _ending_all(main: Coroutine[Any, Any, Result], *beside: Coroutine[Any, Any, None]) -> Result:
    """Run `main`, and `beside` for as long as it takes. Afterwards, no task is left that a cancellation can end."""
    running = [asyncio.create_task(each) for each in beside]
    try:
        return await main
    finally:
        # asyncio cancels them, too, but only once: it would wait for ever for one that has lost its cancellation.
        await cancel_and_wait({*running, *asyncio.all_tasks()} - {asyncio.current_task()})


async def _collect_garbage() -> None:
    while True:
        await asyncio.sleep(GC_FULL_SECONDS)
        # A search makes tens of thousands of objects that soon go without any help: no client must cause this.
        if gc.get_count()[2] >= GC_MIDDLE_COLLECTIONS:
            gc.collect()


def log_to_stderr(config: Config, worker: int | None = None) -> None:
    """Log to stderr as `config` says; each record has the process id of the `worker`, if it is one."""
    secrets = secrets_of(config.redis_url)
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonLogFormatter(secrets, worker)
        if config.log_format == "json"
        else TextLogFormatter(secrets, "" if worker is None else f"worker={worker} ")
    )
    logging.basicConfig(level=config.log_level.upper(), handlers=[handler])
    # Sanic warns about production mode unless its own command starts it.
    logging.getLogger("sanic").setLevel(logging.ERROR)


def raise_open_files_limit() -> None:
    """Let this process, and those it starts, open as many files as the system allows: the default suits select()."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # macOS reports a hard limit that it does not grant.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Shutdown:
    """
    What ends a process: SIGTERM, SIGINT, SIGHUP, SIGQUIT, or a part of it that has died.

    Create it first: process 1 of a container ignores SIGTERM until it has a handler. `requested` is set when the
    process must drain and exit, and `finish_now` by a second SIGTERM: the rest of the drain is skipped. With
    `close_listener`, no connection is accepted during the drain. A second SIGINT calls `before_exit` and exits at once.

    SIGHUP is not asked for a reload: keys and rules are read again by themselves, and a terminal that closes sends it.
    It stays ignored where it is (`nohup`). A second SIGHUP or SIGQUIT changes nothing: systemd may send SIGHUP right
    after SIGTERM, and the shell and the kernel one each.
    """

    def __init__(self, before_exit: Callable[[], None] = lambda: None) -> None:
        self.requested = asyncio.Event()
        self.finish_now = asyncio.Event()
        self.close_listener = False
        self._failed = False
        self._before_exit = before_exit
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._terminate)
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        for each in (signal.SIGHUP, signal.SIGQUIT):
            if signal.getsignal(each) != signal.SIG_IGN:
                loop.add_signal_handler(each, self.requested.set)

    def fail(self) -> None:
        """A part of the process has died: request the shutdown, and let check() raise."""
        self._failed = True
        self.requested.set()

    def check(self) -> None:
        """Raises TaskDied after fail()."""
        if self._failed:
            raise TaskDied("The hub has stopped because a part of it died; its log has the reason.")

    def _terminate(self) -> None:
        (self.finish_now if self.requested.is_set() else self.requested).set()

    def _interrupt(self) -> None:
        if self.requested.is_set():
            self._before_exit()
            os._exit(128 + signal.SIGINT)
        self.requested.set()
