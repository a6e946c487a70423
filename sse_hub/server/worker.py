"""
A worker: one of the processes of `--workers N`, which answer on one listening socket.

    supervisor ── stdin: order, as a line of JSON ──► answer() ── stdout: "ready", its token ──► supervisor
               ── SIGTERM, or the end of stdin: the supervisor is gone ──► drain ──► the end
               ── stdin: "hurry" ──► the rest of the drain at once
               ── stdin: "gone", a token: another worker has died ──► if that one recorded, who covers it does now
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
from sse_hub.tasks import cancel_and_wait

# Run as a program, its name is another one.
logger = logging.getLogger("sse_hub.server.worker")

READY = b"ready"
HURRY = b"hurry"
GONE = b"gone"
STDIN, STDOUT = 0, 1


def encode_start(config: Config, listener: int, place: WorkerId) -> bytes:
    """What a worker reads first: settings, the descriptor of the listening socket that it inherits, its place."""
    words = {"listener": listener, "config": asdict(config), "place": asdict(place)}
    return json.dumps(words).encode() + b"\n"


def decode_start(line: bytes) -> tuple[Config, int, WorkerId]:
    """The settings, the descriptor and the place in an order()."""
    read: dict[str, Any] = json.loads(line)
    # JSON knows no tuples.
    settings: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in read["config"].items()
    }
    return Config(**settings), read["listener"], WorkerId(**read["place"])


def encode_message(word: bytes, token: str = "") -> bytes:
    """What goes through the pipes after the order: one of the words above, with the token it is about."""
    return b"%b %b\n" % (word, token.encode())


async def work(config: Config, listener: socket.socket, place: WorkerId) -> None:
    """Answer until SIGTERM or the end of stdin. Raises TaskDied when it had to stop by itself."""
    stop = Shutdown()
    gone: asyncio.Queue[str] = asyncio.Queue()
    heard = b""
    loop = asyncio.get_running_loop()
    # systemd sends one to every process of a unit, and then the supervisor sends its own: that is no second one.
    loop.add_signal_handler(signal.SIGTERM, stop.requested.set)

    def read_stdin() -> None:
        nonlocal heard
        chunk = os.read(STDIN, 1024)
        *lines, heard = (heard + chunk).split(b"\n")
        for word, _, token in (line.partition(b" ") for line in lines):
            if word == HURRY:
                stop.hurried.set()
            elif word == GONE:
                gone.put_nowait(token.decode())
        if chunk:
            return
        loop.remove_reader(STDIN)
        logger.warning("supervisor_exited")
        stop.abandoned = True
        stop.requested.set()

    loop.add_reader(STDIN, read_stdin)
    replacing: asyncio.Task[None] | None = None

    def serves(context: Context) -> None:
        nonlocal replacing
        replacing = asyncio.create_task(_replace(context, gone))
        # The supervisor may have gone meanwhile; the end of stdin tells that.
        with suppress(OSError):
            os.write(STDOUT, encode_message(READY, context.recorder.token))

    await run_app(config, listener, stop, serves, place)
    await cancel_and_wait([replacing] if replacing else [])
    stop.check()


async def _replace(context: Context, gone: asyncio.Queue[str]) -> None:
    while not context.hub.draining:
        await context.recorder.replace(await gone.get())


def main() -> None:
    """What `python -m sse_hub.server.worker` runs."""
    # Without a buffer, which would keep the words that come after it.
    with open(STDIN, "rb", buffering=0, closefd=False) as stdin:
        line = stdin.readline()
    if not line:
        return
    config, descriptor, place = decode_start(line)
    log_to_stderr(config, os.getpid())
    with socket.socket(fileno=descriptor) as listener:
        try:
            run(work(config, listener, place))
        except TaskDied as error:
            logger.error("%s", error)
            sys.exit(1)


if __name__ == "__main__":
    main()
