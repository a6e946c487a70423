"""
A worker: one of the processes of `--workers N`, which share one listening socket.

    supervisor ── stdin: encode_start(), a line ──► run_app() ── stdout: "ready", its recorder token ──► supervisor
               ── a signal, or the end of stdin: the supervisor has exited ──► drain ──► exit
               ── stdin: "finish" ──► the rest of the drain at once
               ── stdin: "exited", a token: another worker has died ──► if that one recorded, one that can takes over
"""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from sse_hub.config import Config
from sse_hub.errors import TaskDied
from sse_hub.http.context import Context
from sse_hub.http.peers import WorkerId
from sse_hub.server.process import Shutdown, log_to_stderr, run
from sse_hub.server.serve import run_app
from sse_hub.standard_streams import open_standard_streams
from sse_hub.tasks import cancel_and_wait

# Not __name__, which is __main__ here.
logger = logging.getLogger("sse_hub.server.worker")

READY = b"ready"
FINISH = b"finish"
EXITED = b"exited"
STDIN, STDOUT = 0, 1


def encode_start(config: Config, listener: int, worker: WorkerId) -> bytes:
    """The first line a worker reads: its settings, the descriptor of the listening socket it inherits, its id."""
    members = {"listener": listener, "config": asdict(config), "worker": asdict(worker)}
    return json.dumps(members).encode() + b"\n"


def decode_start(line: bytes) -> tuple[Config, int, WorkerId]:
    """The settings, the descriptor and the id in a line of encode_start()."""
    members: dict[str, Any] = json.loads(line)
    return Config(**_with_tuples(members["config"])), members["listener"], WorkerId(**_with_tuples(members["worker"]))


def _with_tuples(members: dict[str, Any]) -> dict[str, Any]:
    # JSON has only lists.
    return {name: tuple(value) if isinstance(value, list) else value for name, value in members.items()}


def encode_message(kind: bytes, token: str = "") -> bytes:
    """A later line on the pipes: READY, FINISH or EXITED, with the recorder token of the worker it is about."""
    return b"%b %b\n" % (kind, token.encode())


async def work(config: Config, listener: socket.socket, worker: WorkerId) -> None:
    """Serve until a signal to stop, or the end of stdin. Raises TaskDied if a part of the worker has died."""
    shutdown = Shutdown()
    exited: asyncio.Queue[str] = asyncio.Queue()
    unread = b""
    loop = asyncio.get_running_loop()
    # systemd sends SIGTERM to every process of a unit, and the supervisor sends another: here two are one.
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, shutdown.requested.set)

    def read_stdin() -> None:
        nonlocal unread
        chunk = os.read(STDIN, 1024)
        *lines, unread = (unread + chunk).split(b"\n")
        for kind, _, token in (line.partition(b" ") for line in lines):
            if kind == FINISH:
                shutdown.finish_now.set()
            elif kind == EXITED:
                exited.put_nowait(token.decode())
        if chunk:
            return
        loop.remove_reader(STDIN)
        logger.warning("supervisor_exited")
        shutdown.close_listener = True
        shutdown.requested.set()

    loop.add_reader(STDIN, read_stdin)
    replacing: asyncio.Task[None] | None = None

    def announce(context: Context) -> None:
        nonlocal replacing
        replacing = asyncio.create_task(_replace_exited(context, exited))
        # The supervisor may have exited meanwhile; the end of stdin reports that.
        with suppress(OSError):
            os.write(STDOUT, encode_message(READY, context.recorder.token))

    await run_app(config, listener, shutdown, announce, worker)
    await cancel_and_wait([replacing] if replacing else [])
    shutdown.check()


async def _replace_exited(context: Context, exited: asyncio.Queue[str]) -> None:
    while not context.hub.draining:
        await context.recorder.replace(await exited.get())


def main() -> None:
    """The program of a worker, `python -m sse_hub.server.worker`."""
    open_standard_streams()
    # Unbuffered: a buffer would keep the lines that follow the first.
    with open(STDIN, "rb", buffering=0, closefd=False) as stdin:
        line = stdin.readline()
    if not line:
        return
    config, descriptor, worker = decode_start(line)
    log_to_stderr(config, os.getpid())
    with socket.socket(fileno=descriptor) as listener:
        try:
            run(work(config, listener, worker))
        except TaskDied as error:
            logger.error("%s", error)
            sys.exit(1)


if __name__ == "__main__":
    main()
