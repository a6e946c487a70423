"""
Repeats the measurements without subscribers that bench/model/points.py and docs/scaling.md contain: two minutes.

    publish.c --> Redis --> hub, until all is recorded        CPU of the hub and of Redis per line
    publish.c --> Redis --> sessions that only read           CPU of Redis per line and session

`python -m bench.model.calibrate` prints the results; it writes no files.
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

from bench.errors import BenchError, BuildError
from bench.measure import PATIENCE_SECONDS
from bench.native.programs import Programs, build
from bench.procs import usage_of
from bench.report.tables import Cells, format_number, plain_table
from bench.scenarios_extra import wait_recorded
from bench.servers import CHANNEL, redis_publisher_options, redis_server_binary, run_hub
from tests.support.servers import redis_server

SECONDS = 5.0
RATES = (0, 100, 1_000, 10_000, 40_000, 100_000)
SESSION_RATES = (1_000, 40_000)
SESSIONS = (0, 1, 8, 32)
SIZE = 200
READ_BYTES = 1024 * 1024


def measure_without_subscribers(programs: Programs, rate: int, seconds: float = SECONDS) -> list[str]:
    """Return a table row: CPU of a hub and its Redis at `rate` lines per second, until the last line is recorded."""
    with run_hub(False) as running:
        if not running.redis:
            raise BenchError("the hub has no Redis")
        redis = running.redis
        began = time.monotonic()
        hub_before, redis_before = usage_of(running.pid).cpu_seconds, usage_of(redis.process.pid).cpu_seconds
        sent = _publish(programs, running.publish, rate, seconds) if rate else 0
        with redis.client() as client:
            recorded = wait_recorded(client, [CHANNEL % 0], sent)[0] if rate else 0
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        took = time.monotonic() - began
        hub_cpu = usage_of(running.pid).cpu_seconds - hub_before
        redis_cpu = usage_of(redis.process.pid).cpu_seconds - redis_before
    per_line = [f"{hub_cpu * 1e6 / sent:.2f}", f"{redis_cpu * 1e6 / sent:.2f}"] if sent else ["–", "–"]
    return [f"{rate:,}", f"{sent:,}", f"{recorded:,}", f"{took:.1f}", format_number(hub_cpu * 1e3 / took), *per_line]


def measure_sessions(programs: Programs, rate: int, sessions: int, seconds: float = SECONDS) -> list[str]:
    """Return a table row: CPU of Redis alone, with `sessions` connections that subscribe to all channels."""
    with redis_server(redis_server_binary()) as redis, _subscribe(redis.port, sessions):
        before = usage_of(redis.process.pid).cpu_seconds
        sent = _publish(programs, redis_publisher_options(redis), rate, seconds)
        cpu = usage_of(redis.process.pid).cpu_seconds - before
    return [f"{rate:,}", str(sessions), f"{cpu * 1e6 / sent:.2f}"]


def _publish(programs: Programs, target: dict[str, object], rate: int, seconds: float) -> int:
    """Publish at `rate` for `seconds`, and return how many lines were published."""
    options = {"channels": 1, "count": round(rate * seconds), "rate": rate, "size": SIZE, "seconds": 2 * seconds}
    with programs.run("publish", **target, **options) as publisher:
        return int(publisher.report(PATIENCE_SECONDS)["sent"])


@contextmanager
def _subscribe(port: int, count: int) -> Iterator[None]:
    """`count` connections subscribed to all channels, and a thread that reads them."""
    buffer = bytearray(READ_BYTES)
    stop = threading.Event()
    with selectors.DefaultSelector() as selector:
        connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        for connection in connections:
            connection.sendall(b"PSUBSCRIBE *\r\n")
            # The confirmation: from now on Redis sends it every line.
            connection.recv_into(buffer)
            selector.register(connection, selectors.EVENT_READ, connection)

        def read() -> None:
            while not stop.is_set():
                for key, _ in selector.select(0.1) if count else ():
                    key.data.recv_into(buffer)

        thread = threading.Thread(target=read)
        if count:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            if count:
                thread.join()
            for connection in connections:
                connection.close()


@click.command()
@click.option("--seconds", default=SECONDS, show_default=True, help="Length of each measurement.")
def main(seconds: float) -> None:
    """Measure what lines cost the hub and Redis without subscribers."""
    hub_cells: Cells = [["lines/s", "published", "recorded", "seconds", "hub ms/s", "hub µs/line", "Redis µs/line"]]
    session_cells: Cells = [["lines/s", "sessions", "Redis µs/line"]]
    with TemporaryDirectory(prefix="sse-hub-bench-") as folder:
        try:
            programs = build(Path(folder))
        except BuildError as error:
            raise click.ClickException(str(error)) from None
        for rate in RATES:
            hub_cells.append(measure_without_subscribers(programs, rate, seconds))
        for rate in SESSION_RATES:
            session_cells += [measure_sessions(programs, rate, sessions, seconds) for sessions in SESSIONS]
    click.echo(plain_table(hub_cells) + "\n\n" + plain_table(session_cells))


if __name__ == "__main__":
    main()
