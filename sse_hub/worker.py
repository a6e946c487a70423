"""
A worker: one of the processes of `--workers N`, which answer on one listening socket.

    supervisor ── stdin: order, as a line of JSON ──► answer() ── stdout: "ready" ──► supervisor
               ── SIGTERM, or the end of stdin: the supervisor is gone ──► drain ──► the end
               ── stdin: "hurry" ──► the rest of the drain at once
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
from sse_hub.peers import Place
from sse_hub.serve import Stop, answer, log_to_stderr, run

# Run as a program, its name is another one.
logger = logging.getLogger("sse_hub.worker")

READY = b"ready\n"
HURRY = b"hurry\n"
STDIN, STDOUT = 0, 1


def order(config: Config, listener: int, place: Place) -> bytes:
    """What a worker reads first: settings, the descriptor of the listening socket that it inherits, its place."""
    words = {"listener": listener, "config": asdict(config), "place": asdict(place)}
    return json.dumps(words).encode() + b"\n"


def read_order(line: bytes) -> tuple[Config, int, Place]:
    """The settings, the descriptor and the place in an order()."""
    read: dict[str, Any] = json.loads(line)
    # JSON knows no tuples.
    settings: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in read["config"].items()
    }
    return Config(**settings), read["listener"], Place(**read["place"])


async def work(config: Config, listener: socket.socket, place: Place) -> None:
    """Answer until SIGTERM or the end of stdin. Raises TaskDied when it had to stop by itself."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    # systemd sends one to every process of a unit, and then the supervisor sends its own: that is no second one.
    loop.add_signal_handler(signal.SIGTERM, stop.asked.set)

    def read_stdin() -> None:
        if os.read(STDIN, 1024):
            stop.hurried.set()
            return
        loop.remove_reader(STDIN)
        logger.warning("supervisor_gone")
        stop.abandoned = True
        stop.asked.set()

    loop.add_reader(STDIN, read_stdin)
    await answer(config, listener, stop, _tell_ready, place)
    stop.check()


def _tell_ready() -> None:
    # The supervisor may have gone meanwhile; the end of stdin tells that.
    with suppress(OSError):
        os.write(STDOUT, READY)


def main() -> None:
    """What `python -m sse_hub.worker` runs."""
    line = sys.stdin.buffer.readline()
    if not line:
        return
    config, descriptor, place = read_order(line)
    log_to_stderr(config, os.getpid())
    with socket.socket(fileno=descriptor) as listener:
        try:
            run(work(config, listener, place))
        except TaskDied as error:
            logger.error("%s", error)
            sys.exit(1)


if __name__ == "__main__":
    main()
