"""
What bench/points.py and docs/scaling.md say of a hub nobody watches, and of Redis, measured anew: two minutes.

    publish.c --> Redis --> hub, until all is recorded        CPU of the hub and of Redis for each line
    publish.c --> Redis --> sessions that only read           CPU of Redis for each line and each copy

`python -m bench.calibrate` prints it; nothing is written.
"""

import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.measure import PATIENCE_SECONDS
from bench.procs import usage_of
from bench.servers import CHANNEL, redis_program, run_hub, to_redis
from bench.special import wait_for_recorded
from bench.tables import Cells, number, plain
from bench.tools import Broken, Tools, Unbuildable, build
from tests.support.servers import redis_server

SECONDS = 5.0
RATES = (0, 100, 1_000, 10_000, 40_000, 100_000)
COPY_RATES = (1_000, 40_000)
SESSIONS = (0, 1, 8, 32)
SIZE = 200
READ_BYTES = 1024 * 1024


def nobody_watches(tools: Tools, rate: int) -> list[str]:
    """A hub without subscribers, and `rate` lines a second, metered until the last of them is recorded."""
    with run_hub(False) as running:
        if not running.redis:
            raise Broken("the hub has no Redis of its own")
        redis = running.redis
        began = time.monotonic()
        hub_before, redis_before = usage_of(running.pid).cpu_seconds, usage_of(redis.process.pid).cpu_seconds
        sent = _publish(tools, running.publish, rate) if rate else 0
        with redis.client() as client:
            recorded = wait_for_recorded(client, [CHANNEL % 0], sent)[0] if rate else 0
        time.sleep(max(0.0, began + SECONDS - time.monotonic()))
        seconds = time.monotonic() - began
        hub = usage_of(running.pid).cpu_seconds - hub_before
        other = usage_of(redis.process.pid).cpu_seconds - redis_before
    a_line = [f"{hub * 1e6 / sent:.2f}", f"{other * 1e6 / sent:.2f}"] if sent else ["–", "–"]
    return [f"{rate:,}", f"{sent:,}", f"{recorded:,}", f"{seconds:.1f}", number(hub * 1e3 / seconds), *a_line]


def copied(tools: Tools, rate: int, sessions: int) -> list[str]:
    """Redis alone, with `sessions` connections that follow everything and only read."""
    with redis_server(redis_program()) as redis, _followers(redis.port, sessions):
        before = usage_of(redis.process.pid).cpu_seconds
        sent = _publish(tools, to_redis(redis), rate)
        cpu = usage_of(redis.process.pid).cpu_seconds - before
    return [f"{rate:,}", str(sessions), f"{cpu * 1e6 / sent:.2f}"]


def _publish(tools: Tools, where: dict[str, object], rate: int) -> int:
    count = round(rate * SECONDS)
    with tools.run("publish", **where, channels=1, count=count, rate=rate, size=SIZE, seconds=2 * SECONDS) as publisher:
        return int(publisher.report(PATIENCE_SECONDS)["sent"])


@contextmanager
def _followers(port: int, count: int) -> Iterator[None]:
    """`count` connections subscribed to all channels, read by a thread."""
    buffer = bytearray(READ_BYTES)
    over = threading.Event()
    with selectors.DefaultSelector() as selector:
        connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        for connection in connections:
            connection.sendall(b"PSUBSCRIBE *\r\n")
            # Its confirmation: from here on it is sent every line.
            connection.recv_into(buffer)
            selector.register(connection, selectors.EVENT_READ, connection)

        def read() -> None:
            while not over.is_set():
                for key, _ in selector.select(0.1) if count else ():
                    key.data.recv_into(buffer)

        thread = threading.Thread(target=read)
        if count:
            thread.start()
        try:
            yield
        finally:
            over.set()
            if count:
                thread.join()
            for connection in connections:
                connection.close()


@click.command()
def main() -> None:
    """Measure what lines cost the hub and Redis where nobody watches."""
    alone: Cells = [["lines/s", "published", "recorded", "seconds", "hub ms/s", "hub µs a line", "Redis µs a line"]]
    copies: Cells = [["lines/s", "sessions", "Redis µs a line"]]
    with TemporaryDirectory(prefix="sse-hub-bench-") as folder:
        try:
            tools = build(Path(folder))
        except Unbuildable as problem:
            raise click.ClickException(str(problem)) from None
        for rate in RATES:
            alone.append(nobody_watches(tools, rate))
        for rate in COPY_RATES:
            copies += [copied(tools, rate, sessions) for sessions in SESSIONS]
    click.echo(plain(alone) + "\n\n" + plain(copies))


if __name__ == "__main__":
    main()
