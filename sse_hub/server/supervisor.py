"""
The supervisor of `--workers N`: it holds the listening socket and N workers, and answers no request itself.

    Config --> listening socket, embedded Redis, background task --> N workers --> one ends: another one
                                                               └─ SIGTERM --> SIGTERM to all --> they drain --> the end
"""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path

from sse_hub.config import Config
from sse_hub.errors import ServerUnavailable
from sse_hub.http.peers import WorkerId, create_workers
from sse_hub.server.background import BackgroundTask, running, start_watched
from sse_hub.server.embedded_redis import embedded_redis
from sse_hub.server.process import Shutdown
from sse_hub.server.serve import listening_socket
from sse_hub.server.worker import EXITED, FINISH, READY, encode_message, encode_start
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

# -P: what lies in the folder that the hub was started in is not for it to import.
COMMAND = (sys.executable, "-P", "-m", "sse_hub.server.worker")
# How long to wait before a worker is started again that has ended STEADY_SECONDS after its start or sooner, by how
# often that has happened in a row. Its start takes half a second, or two where all is busy: it is back within 5 s.
PAUSES_SECONDS = (0.0, 0.0, 0.25, 0.5, 1.0, 2.0)
STEADY_SECONDS = 10.0
# What workers get beyond the drain's window before they are killed.
STOP_SECONDS = 3.0


async def supervise(
    config: Config, announce: Callable[[Config], None], background: BackgroundTask | None = None
) -> None:
    """
    Hold `config.workers` workers until SIGTERM or SIGINT; `announce` is called once, when all of them serve.
    `background` runs in this process meanwhile.

    Raises ServerUnavailable when there is no Redis or no port to be had, TaskDied when it had to stop by itself.
    """
    crew = WorkerPool()
    stop = Shutdown(crew.kill)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listening_socket(config.host, config.port))
        if config.redis_url is None:
            config = replace(config, redis_url=await stack.enter_async_context(embedded_redis(stop.fail)))
        await stack.enter_async_context(running(background, str(config.redis_url), stop))
        try:
            workers = stack.enter_context(create_workers(config.workers))
        except OSError as error:
            raise ServerUnavailable(f"The workers need sockets and a temporary file: {error}.") from error
        await crew.serve(config, listener.fileno(), workers, stop, lambda: announce(config))
    stop.check()


class WorkerPool:
    """The workers: as many as wanted, always."""

    def __init__(self) -> None:
        # With the names that they have as recorders, once they serve.
        self._processes: dict[Process, str] = {}
        self._stopping = asyncio.Event()
        self._waited_for: set[int] = set()
        self._complete = asyncio.Event()

    async def serve(
        self,
        config: Config,
        listener: int,
        workers: Sequence[WorkerId],
        stop: Shutdown,
        announce: Callable[[], None],
    ) -> None:
        """
        Keep `workers` running on the descriptor `listener` until `stop` is requested; return when they have ended.

        `announce` is called when each of them has served once.
        """
        self._stopping = stop.requested
        self._waited_for = {worker.number for worker in workers}
        settings = replace(config, demo=False, workers=1)
        keeping = [
            start_watched(self._keep_running(worker, settings, listener), f"worker {worker.number}", stop)
            for worker in workers
        ]
        helping = [asyncio.create_task(each) for each in (self._announce(announce), self._hurry(stop))]
        try:
            await stop.requested.wait()
            self.terminate()
            await asyncio.wait(keeping, timeout=config.drain_seconds + STOP_SECONDS)
        finally:
            for process in self._processes:
                logger.error("worker_killed pid=%(pid)d", {"pid": process.pid})
            self.kill()
            await cancel_and_wait((*keeping, *helping))

    def terminate(self) -> None:
        """SIGTERM to every worker: it drains."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.terminate()

    def kill(self) -> None:
        """SIGKILL to every worker."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.kill()

    async def _announce(self, announce: Callable[[], None]) -> None:
        await self._complete.wait()
        announce()

    async def _hurry(self, stop: Shutdown) -> None:
        await stop.finish_now.wait()
        for process in self._processes:
            _send(process, encode_message(FINISH))

    async def _keep_running(self, worker: WorkerId, config: Config, listener: int) -> None:
        loop = asyncio.get_running_loop()
        in_a_row = 0
        while not self._stopping.is_set():
            started = loop.time()
            try:
                await self._run(worker, config, listener)
            except OSError as error:
                logger.error("worker_start_failed error=%(error)r", {"error": str(error)})
            in_a_row = in_a_row + 1 if loop.time() - started < STEADY_SECONDS else 0
            pause = PAUSES_SECONDS[min(in_a_row, len(PAUSES_SECONDS) - 1)]
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _run(self, worker: WorkerId, config: Config, listener: int) -> None:
        process = await _start((listener, *worker.descriptors))
        assert process.stdout
        self._processes[process] = ""
        try:
            # Left open: its end tells the worker that this process is gone, however it went.
            _send(process, encode_start(config, listener, worker))
            if self._stopping.is_set():
                process.terminate()
            word, _, token = (await process.stdout.readline()).strip().partition(b" ")
            if word == READY:
                logger.info("worker_ready pid=%(pid)d", {"pid": process.pid})
                self._processes[process] = token.decode()
                self._serves(worker.number)
            status = await process.wait()
        finally:
            name = self._processes.pop(process)
        if name:
            # It may have been the one that records; the others need not wait until its lease has run out.
            for other in self._processes:
                _send(other, encode_message(EXITED, name))
        if not self._stopping.is_set():
            logger.warning("worker_ended pid=%(pid)d status=%(status)d", {"pid": process.pid, "status": status})

    def _serves(self, number: int) -> None:
        self._waited_for.discard(number)
        if not self._waited_for:
            self._complete.set()


def _send(process: Process, words: bytes) -> None:
    assert process.stdin
    # It may have ended, and its end not have been seen to yet: uvloop raises on what is written to it then.
    if not process.stdin.is_closing():
        process.stdin.write(words)


async def _start(descriptors: tuple[int, ...]) -> Process:
    # For a hub that runs from a checkout: its workers must be of the same code.
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=PIPE,
        stdout=PIPE,
        pass_fds=descriptors,
        env=os.environ | {"PYTHONPATH": path},
        # So that Ctrl-C reaches the supervisor alone, which tells the workers once.
        start_new_session=True,
    )
