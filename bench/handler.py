"""
What logging with `RedisHandler` costs a Flask or Django app, while Redis is healthy, frozen, killed and restarted.

    python -m bench.handler [--framework django]     (a minute; needs redis-server and redis-cli)

In each phase, requests log 50 lines each, 20,000 lines/s in all, and each call is timed. "own" is the longest call
without the time for which this process's threads waited for a CPU during that request (`run_delay` in schedstat), which
is most of it on a machine with other load.

At the end everything must add up: the lines received, those the handler reports as dropped, and those logged.
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

LINES_PER_REQUEST = 50
LIMIT_MS = 5.0
BUFFER_BYTES = 4 * 1024 * 1024
CHANNEL = "bench"


def flask_client(view: Callable[[], str]) -> Callable[[], object]:
    """Return a function that requests the only page of a Flask app, rendered by `view`."""
    app = Flask("bench")
    app.add_url_rule("/", view_func=view, endpoint="work")
    client = app.test_client()
    return lambda: client.get("/")


def django_client(view: Callable[[], str]) -> Callable[[], object]:
    """
    Return a function that requests the only page of a Django project, rendered by `view`.

    Django has one project per process, so a second call replaces the first one's page.
    """

    def django_view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(view())

    urls = ModuleType("urls")
    urls.urlpatterns = [path("", django_view)]  # type: ignore[attr-defined]
    if not settings.configured:
        settings.configure(SECRET_KEY="x", ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)
        django.setup()
    settings.ROOT_URLCONF = urls
    client = Client()
    return lambda: client.get("/")


FRAMEWORKS = {"flask": flask_client, "django": django_client}


@dataclass
class LoggingApp:
    """
    An app whose only page logs.

    `call_seconds` are the durations of each call in the current phase, `cpu_seconds` their CPU in all, and
    `own_seconds` the longest call without waiting for a CPU.
    """

    framework: str
    logger: logging.Logger
    logged: int = 0
    call_seconds: "array[float]" = field(default_factory=lambda: array("d"))
    cpu_seconds: float = 0.0
    own_seconds: float = 0.0

    def __post_init__(self) -> None:
        self._request_page = FRAMEWORKS[self.framework](self._log_lines)

    def run_phase(self, lines_per_second: int, seconds: float) -> None:
        """Request the page at a steady rate; late requests follow at once."""
        self.call_seconds, self.cpu_seconds, self.own_seconds = array("d"), 0.0, 0.0
        began, requests = time.monotonic(), int(lines_per_second * seconds / LINES_PER_REQUEST)
        for request in range(requests):
            due = began + request * LINES_PER_REQUEST / lines_per_second
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            self._request_page()

    def _log_lines(self) -> str:
        clock, info, add_call = time.perf_counter, self.logger.info, self.call_seconds.append
        cpu, delay, first = time.thread_time(), run_delay(), len(self.call_seconds)
        for _ in range(LINES_PER_REQUEST):
            self.logged += 1
            began = clock()
            info("Visit %s id %d", "新增", self.logged, extra={"seq": self.logged, "user": "ana"})
            add_call(clock() - began)
        self.cpu_seconds += time.thread_time() - cpu
        self.own_seconds = max(self.own_seconds, max(self.call_seconds[first:]) - (run_delay() - delay))
        return ""

    def print_phase(self, phase: str, base_us: float = 0.0) -> float:
        """Print the phase's figures, and return the CPU of a call in µs; `base_us` is that without the handler."""
        calls = sorted(self.call_seconds)
        cpu_us = self.cpu_seconds / len(calls) * 1e6
        late = sum(each * 1e3 > LIMIT_MS for each in calls)
        resident = psutil.Process().memory_info().rss / 1e6
        click.echo(
            f"{phase:28} {len(calls):8,} {cpu_us:7.1f} {cpu_us - base_us:7.1f} {calls[len(calls) // 2] * 1e6:7.1f} "
            f"{calls[int(len(calls) * 0.99)] * 1e6:8.1f} {calls[-1] * 1e3:8.2f} {late:6} "
            f"{self.own_seconds * 1e3:7.2f} {resident:7.1f}"
        )
        return cpu_us


def run_delay() -> float:
    """Return the seconds for which this process's threads, all together, have been runnable without a CPU."""
    tasks = Path("/proc/self/task").glob("*/schedstat")
    return sum(int(task.read_bytes().split()[1]) for task in tasks) / 1e9


@contextmanager
def subscribe_to_file(server: RedisServer, file: Path) -> Iterator[None]:
    """A redis-cli that subscribes and writes what it receives to `file`."""
    with file.open("wb") as output:
        process = subprocess.Popen(["redis-cli", "-p", str(server.port), "SUBSCRIBE", CHANNEL], stdout=output)
        try:
            wait_until(lambda: CHANNEL.encode() in file.read_bytes(), "redis-cli listens")
            yield
        finally:
            process.kill()
            process.wait()


def read_lines(*files: Path) -> tuple[list[int], list[dict[str, int]]]:
    """Return the numbers of the lines received, and the reports of dropped lines among them."""
    lines = [json.loads(line) for file in files for line in file.read_bytes().splitlines() if line.startswith(b"{")]
    return [line["seq"] for line in lines if "seq" in line], [line for line in lines if "dropped_total" in line]


def logger_with(handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger("bench")
    logger.addHandler(handler)
    return logger


@click.command()
@click.option("--rate", default=20_000, show_default=True, help="Lines per second.")
@click.option("--seconds", default=5.0, show_default=True, help="Length of each phase.")
@click.option("--framework", type=click.Choice(list(FRAMEWORKS)), default="flask", show_default=True)
def main(rate: int, seconds: float, framework: str) -> None:
    """Measure and print; the exit status is 1 if the lines don't add up."""
    click.echo(f"{'phase':28} {'calls':>8}  cpu µs   extra  p50 µs   p99 µs   max ms  >5 ms  own ms  RSS MB")
    null = LoggingApp(framework, logger_with(logging.NullHandler()))
    null.run_phase(rate, seconds)
    base_us = null.print_phase("NullHandler")
    port = free_port()
    handler = RedisHandler(f"redis://127.0.0.1:{port}/0", CHANNEL, buffer_bytes=BUFFER_BYTES)
    app = LoggingApp(framework, logger_with(handler))
    with TemporaryDirectory() as folder:
        first, second = Path(folder, "first"), Path(folder, "second")
        with redis_server(port=port) as server, subscribe_to_file(server, first):
            app.run_phase(rate, seconds)
            app.print_phase("Redis healthy", base_us)
            server.freeze()
            app.run_phase(rate, seconds)
            app.print_phase("Redis frozen", base_us)
            server.thaw()
            app.run_phase(rate, seconds)
            app.print_phase("Redis resumed", base_us)
            server.process.send_signal(signal.SIGKILL)
            app.run_phase(rate, seconds)
            app.print_phase("Redis killed", base_us)
        with redis_server(port=port) as server, subscribe_to_file(server, second):
            app.run_phase(rate, seconds)
            app.print_phase("Redis restarted", base_us)
            handler.flush()
            wait_until(lambda: len(read_lines(second)[0]) >= 0 and not handler.counts.waiting, "all is sent")
            # The very last line: when it arrives, all lines before it have arrived.
            app.logger.info("end", extra={"seq": 0})
            handler.flush()
            wait_until(lambda: b'"seq":0' in second.read_bytes(), "all is received")
        sys.exit(0 if lines_add_up(app.logged, handler, *read_lines(first, second)) else 1)


def lines_add_up(logged: int, handler: RedisHandler, seqs: list[int], reports: list[dict[str, int]]) -> bool:
    """Print how many lines were received, dropped and unsure; True if they add up to those logged."""
    counts = handler.counts
    # Short phases drop nothing, and nothing is reported.
    last = reports[-1] if reports else {}
    reported_dropped, reported_unsure = last.get("dropped_total", 0), last.get("unsure_total", 0)
    # The "end" line is counted on both sides.
    missing = logged + 1 - len(seqs) - counts.dropped - counts.unsure
    click.echo(f"\nlogged {logged:,}, received {len(seqs) - 1:,} (duplicates: {len(seqs) - len(set(seqs))})")
    click.echo(f"dropped {counts.dropped:,}, reported {reported_dropped:,}")
    click.echo(f"unsure {counts.unsure:,}, reported {reported_unsure:,}")
    click.echo(f"acknowledged but missing (the subscriber was killed with Redis), minus unsure but received: {missing}")
    reports_agree = (reported_dropped, reported_unsure) == (counts.dropped, counts.unsure)
    exact = counts.sent + counts.dropped + counts.unsure == logged + 1 + len(reports)
    return exact and reports_agree and len(set(seqs)) == len(seqs)


if __name__ == "__main__":
    main()
