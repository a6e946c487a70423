"""
What logging costs a Flask or Django app with `RedisHandler`, and what while Redis is frozen, stopped, started again.

    python -m bench.handler [--framework django]     (a minute; needs redis-server and redis-cli)

Each phase: requests that log 50 lines each, at 20,000 lines/s in all, with every call timed. "own" is the longest call
without what the kernel let this process's threads wait for a core in that request (`run_delay` of its scheduler):
on a machine that is busy with other work, that is most of it. At the end the account: what was heard, what the handler
says it has dropped, and what was logged must agree.
"""

import json
import logging
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import click
import django
import psutil
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from flask import Flask

from sse_hub.logging import RedisHandler
from tests.support.servers import RedisServer, free_port, redis_server
from tests.support.waiting import wait_until

LINES_A_REQUEST = 50
LIMIT_MS = 5.0
BUFFER_BYTES = 4 * 1024 * 1024
CHANNEL = "bench"


def flask_app(work: Callable[[], str]) -> Callable[[], object]:
    """Asks for the only page of a Flask app, which is what `work` gives."""
    app = Flask("bench")
    app.add_url_rule("/", view_func=work, endpoint="work")
    client = app.test_client()
    return lambda: client.get("/")


def django_app(work: Callable[[], str]) -> Callable[[], object]:
    """Asks for the only page of a Django project, which is what `work` gives. There is one project: the last one."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(work())

    urls = ModuleType("urls")
    urls.urlpatterns = [path("", view)]  # type: ignore[attr-defined]
    if not settings.configured:
        settings.configure(SECRET_KEY="x", ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)
        django.setup()
    settings.ROOT_URLCONF = urls
    client = Client()
    return lambda: client.get("/")


FRAMEWORKS = {"flask": flask_app, "django": django_app}


@dataclass
class App:
    """An app whose only page logs; `times` has the seconds of each call, `cpu_seconds` what they took in all."""

    framework: str
    logger: logging.Logger
    logged: int = 0
    times: "array[float]" = field(default_factory=lambda: array("d"))
    cpu_seconds: float = 0.0
    own_seconds: float = 0.0

    def __post_init__(self) -> None:
        self._ask = FRAMEWORKS[self.framework](self._work)

    def run(self, lines_per_second: int, seconds: float) -> None:
        """Ask for the page at a steady pace; what is late is caught up."""
        self.times, self.cpu_seconds, self.own_seconds = array("d"), 0.0, 0.0
        begun, requests = time.monotonic(), int(lines_per_second * seconds / LINES_A_REQUEST)
        for request in range(requests):
            due = begun + request * LINES_A_REQUEST / lines_per_second
            if (left := due - time.monotonic()) > 0:
                time.sleep(left)
            self._ask()

    def _work(self) -> str:
        clock, info, took = time.perf_counter, self.logger.info, self.times.append
        cpu, delay, first = time.thread_time(), run_delay(), len(self.times)
        for _ in range(LINES_A_REQUEST):
            self.logged += 1
            begun = clock()
            info("Visit %s id %d", "新增", self.logged, extra={"seq": self.logged, "user": "ana"})
            took(clock() - begun)
        self.cpu_seconds += time.thread_time() - cpu
        self.own_seconds = max(self.own_seconds, max(self.times[first:]) - (run_delay() - delay))
        return ""

    def told(self, phase: str, base_us: float = 0.0) -> float:
        """Print the phase's numbers; the CPU of a call in µs."""
        times = sorted(self.times)
        cpu_us = self.cpu_seconds / len(times) * 1e6
        late = sum(each * 1e3 > LIMIT_MS for each in times)
        resident = psutil.Process().memory_info().rss / 1e6
        click.echo(
            f"{phase:28} {len(times):8,} {cpu_us:7.1f} {cpu_us - base_us:7.1f} {times[len(times) // 2] * 1e6:7.1f} "
            f"{times[int(len(times) * 0.99)] * 1e6:8.1f} {times[-1] * 1e3:8.2f} {late:6} "
            f"{self.own_seconds * 1e3:7.2f} {resident:7.1f}"
        )
        return cpu_us


def run_delay() -> float:
    """Seconds for which this process's threads have been ready and without a core, all together."""
    tasks = Path("/proc/self/task").glob("*/schedstat")
    return sum(int(task.read_bytes().split()[1]) for task in tasks) / 1e9


@contextmanager
def listening(server: RedisServer, file: Path) -> Iterator[None]:
    """redis-cli writes what it hears to `file`."""
    with file.open("wb") as output:
        process = subprocess.Popen(["redis-cli", "-p", str(server.port), "SUBSCRIBE", CHANNEL], stdout=output)
        try:
            wait_until(lambda: CHANNEL.encode() in file.read_bytes(), "redis-cli listens")
            yield
        finally:
            process.kill()
            process.wait()


def heard(*files: Path) -> tuple[list[int], list[dict[str, int]]]:
    """The numbers of lines, and the reports of what was dropped."""
    lines = [json.loads(line) for file in files for line in file.read_bytes().splitlines() if line.startswith(b"{")]
    return [line["seq"] for line in lines if "seq" in line], [line for line in lines if "dropped_total" in line]


def logger_of(handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger("bench")
    logger.addHandler(handler)
    return logger


@click.command()
@click.option("--rate", default=20_000, show_default=True, help="Lines a second.")
@click.option("--seconds", default=5.0, show_default=True, help="Length of each phase.")
@click.option("--framework", type=click.Choice(list(FRAMEWORKS)), default="flask", show_default=True)
def main(rate: int, seconds: float, framework: str) -> None:
    """Measure, and print; exit status 1 where the account is not exact."""
    click.echo(f"{'phase':28} {'calls':>8} cpu µs  beyond  p50 µs   p99 µs   max ms  >5 ms  own ms  RSS MB")
    null = App(framework, logger_of(logging.NullHandler()))
    null.run(rate, seconds)
    base_us = null.told("NullHandler")
    port = free_port()
    handler = RedisHandler(f"redis://127.0.0.1:{port}/0", CHANNEL, buffer_bytes=BUFFER_BYTES)
    app = App(framework, logger_of(handler))
    with TemporaryDirectory() as folder:
        first, second = Path(folder, "first"), Path(folder, "second")
        with redis_server(port=port) as server, listening(server, first):
            app.run(rate, seconds)
            app.told("Redis well", base_us)
            server.freeze()
            app.run(rate, seconds)
            app.told("Redis frozen", base_us)
            server.thaw()
            app.run(rate, seconds)
            app.told("Redis awake again", base_us)
            server.process.send_signal(signal.SIGKILL)
            app.run(rate, seconds)
            app.told("Redis killed", base_us)
        with redis_server(port=port) as server, listening(server, second):
            app.run(rate, seconds)
            app.told("Redis started again", base_us)
            handler.flush()
            wait_until(lambda: len(heard(second)[0]) >= 0 and not handler.counts.waiting, "all is sent")
            # The last line of all, so that all before it has been heard.
            app.logger.info("end", extra={"seq": 0})
            handler.flush()
            wait_until(lambda: b'"seq":0' in second.read_bytes(), "all is heard")
        sys.exit(0 if account(app.logged, handler, *heard(first, second)) else 1)


def account(logged: int, handler: RedisHandler, seqs: list[int], reports: list[dict[str, int]]) -> bool:
    """True when what was heard, dropped and unsure is what was logged."""
    counts = handler.counts
    # Short phases drop nothing, and nothing is told.
    last = reports[-1] if reports else {}
    told, unsure = last.get("dropped_total", 0), last.get("unsure_total", 0)
    # "end" is among both.
    unheard = logged + 1 - len(seqs) - counts.dropped - counts.unsure
    click.echo(f"\nlogged {logged:,}, heard {len(seqs) - 1:,} (twice: {len(seqs) - len(set(seqs))})")
    click.echo(f"dropped {counts.dropped:,}, told {told:,}; unsure {counts.unsure:,}, told {unsure:,}")
    click.echo(f"answered, and not heard by a listener that was killed with Redis, or unsure and heard: {unheard}")
    exact = counts.sent + counts.dropped + counts.unsure == logged + 1 + len(reports)
    return exact and (told, unsure) == (counts.dropped, counts.unsure) and len(set(seqs)) == len(seqs)


if __name__ == "__main__":
    main()
