"""
What every process of ours begins with: the event loop, the log on stderr, and what ends it.

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

# How many objects are made before the collector looks for cycles among them.
GC_YOUNG_OBJECTS = 10_000

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run `main` to its end in the fastest event loop there is; its result."""
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop

    # Rings and subscribers live long and hold no cycles: looking through them all the time found nothing, and took a
    # tenth of the CPU with 1,000 channels.
    gc.set_threshold(GC_YOUNG_OBJECTS, 20, 100)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def log_to_stderr(config: Config, worker: int | None = None) -> None:
    """Log as `config` says; the process id of a `worker` stands in each record."""
    secrets = secrets_of(config.redis_url)
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonLogFormatter(secrets, worker)
        if config.log_format == "json"
        else TextLogFormatter(secrets, "" if worker is None else f"worker={worker} ")
    )
    logging.basicConfig(level=config.log_level.upper(), handlers=[handler])
    # Sanic warns of production mode where it is not started by its own command.
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
    What ends a process: SIGTERM, SIGINT, or a part of it that has died.

    To be made first of all: as process 1 of a container, one without handlers is deaf to SIGTERM. `asked` is set when
    the process is to drain and end, `hurried` by a second SIGTERM: wait for the rest of the drain no longer.
    `abandoned` means that no connection is taken while draining. A second SIGINT calls `before_exit` and ends the
    process on the spot.
    """

    def __init__(self, before_exit: Callable[[], None] = lambda: None) -> None:
        self.requested = asyncio.Event()
        self.hurried = asyncio.Event()
        self.abandoned = False
        self._failed = False
        self._before_exit = before_exit
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._terminate)
        loop.add_signal_handler(signal.SIGINT, self._interrupt)

    def fail(self) -> None:
        """A part has died: stop, and have check() say so."""
        self._failed = True
        self.requested.set()

    def check(self) -> None:
        """Raises TaskDied after fail()."""
        if self._failed:
            raise TaskDied("The hub has stopped by itself; its log says why.")

    def _terminate(self) -> None:
        (self.hurried if self.requested.is_set() else self.requested).set()

    def _interrupt(self) -> None:
        if self.requested.is_set():
            self._before_exit()
            os._exit(128 + signal.SIGINT)
        self.requested.set()
