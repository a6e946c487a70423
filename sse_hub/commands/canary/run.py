"""
A run of the canary from start to end.

    readers ready --> publisher starts --> reports --> publisher stops --> the last lines arrive --> final report
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from sse_hub.commands.canary.latency import Latency
from sse_hub.commands.canary.lines import CanaryLines
from sse_hub.commands.canary.published import PublishedLines
from sse_hub.commands.canary.publisher import CanaryPublisher
from sse_hub.commands.canary.reader import CanaryReader
from sse_hub.commands.canary.report import Report, total
from sse_hub.commands.canary.verifier import StreamVerifier
from sse_hub.commands.hub_client import hub_client
from sse_hub.commands.options import bearer_headers
from sse_hub.errors import CanaryUnavailable
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
# Redis replies to the lines in flight at once, or it is unreachable.
STOP_SECONDS = 1.0
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryPlan:
    """What to do. `seconds` None: until stopped. `every_seconds` None: only one report, at the end."""

    urls: tuple[str, ...]
    redis_url: str = field(repr=False)
    channel: str = "canary"
    lines_per_second: int = 10
    line_bytes: int = 200
    clients: int = 1
    seconds: float | None = 10.0
    every_seconds: float | None = None
    reconnect_every_seconds: float = 0.0
    drain_seconds: float = 10.0
    token: str | None = field(default=None, repr=False)


class Canary:
    """One run. The readers use `client`."""

    def __init__(self, plan: CanaryPlan, client: httpx.AsyncClient) -> None:
        lines = CanaryLines(secrets.token_hex(6), plan.line_bytes)
        query = "/message?" + urlencode({"channel": plan.channel})
        urls = [url.rstrip("/") + query for url in plan.urls]
        self._plan = plan
        self._published = PublishedLines()
        # Readers start at different hubs.
        rotations = [urls[number % len(urls) :] + urls[: number % len(urls)] for number in range(plan.clients)]
        self.readers = [
            CanaryReader(client, rotation, StreamVerifier(self._published, lines), plan.reconnect_every_seconds)
            for rotation in rotations
        ]
        self.publisher = CanaryPublisher(plan.redis_url, plan.channel, plan.lines_per_second, lines, self._published)
        self._latency = Latency()
        self._began = time.perf_counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, stopping: asyncio.Event, print_report: Callable[[Report], None]) -> Report:
        """
        Run until the plan's time is over or `stopping` is set; the final report, which is not printed.

        Raises CanaryUnavailable if no line was certainly published: Redis was unreachable, or no stream opened.
        """
        for reader in self.readers:
            self._tasks.add(asyncio.create_task(reader.run()))
        if self._plan.every_seconds:
            self._tasks.add(asyncio.create_task(self._report_periodically(self._plan.every_seconds, print_report)))
        try:
            await self._wait_ready(stopping)
            self._began = time.perf_counter()
            publishing = asyncio.create_task(self.publisher.run())
            self._tasks.add(publishing)
            await self._wait_for(stopping.wait(), self._plan.seconds)
            self.publisher.stop()
            await asyncio.wait((publishing,), timeout=STOP_SECONDS)
            await cancel_and_wait((publishing,))
            self._tasks.discard(publishing)
            await self._wait_for(self._wait_drained(), self._plan.drain_seconds)
            return self._final_report()
        finally:
            await cancel_and_wait(self._tasks)
            await self.publisher.close()

    async def _wait_ready(self, stopping: asyncio.Event) -> None:
        """Return once Redis is connected and all readers have a position. Raises CanaryUnavailable."""
        seconds = None if self._plan.seconds is None else self._plan.drain_seconds
        ready = asyncio.create_task(self._connect_all())
        stop = asyncio.create_task(stopping.wait())
        try:
            await self._wait_first((ready, stop), seconds)
            if not ready.done():
                raise CanaryUnavailable(self._failure_reason())
        finally:
            await cancel_and_wait((ready, stop))

    async def _connect_all(self) -> None:
        await self.publisher.connect()
        for reader in self.readers:
            await reader.ready.wait()

    def _failure_reason(self) -> str:
        not_ready = [reader for reader in self.readers if not reader.ready.is_set()]
        reasons = []
        if self.publisher.last_error:
            reasons.append(f"Redis is unreachable or refuses lines: {self.publisher.last_error}")
        if not_ready:
            reasons.append(f"no stream opened: {not_ready[0].last_error or 'nothing arrived in time'}")
        return f"No line was published. {'; '.join(reasons) or 'It was stopped too early.'}"

    async def _wait_for(self, awaited: Coroutine[Any, Any, object], seconds: float | None) -> None:
        task = asyncio.create_task(awaited)
        try:
            await self._wait_first((task,), seconds)
        finally:
            await cancel_and_wait((task,))

    async def _wait_first(self, awaited: tuple[asyncio.Task[Any], ...], seconds: float | None) -> None:
        """Return once one of `awaited` has ended, or after `seconds`. Raises what ended a background task."""
        done, _ = await asyncio.wait((*self._tasks, *awaited), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _wait_drained(self) -> None:
        # Polled, so that no line costs more for it.
        while True:
            if all(reader.verifier.complete for reader in self.readers):
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _report_periodically(self, every_seconds: float, print_report: Callable[[Report], None]) -> None:
        while True:
            await asyncio.sleep(every_seconds)
            print_report(self._report(self._take_latencies(), final=False))

    def _final_report(self) -> Report:
        self._take_latencies()
        report = self._report(self._latency, final=True)
        if not report.published:
            raise CanaryUnavailable(self._failure_reason())
        if not report.received:
            heard = "it has subscribers" if self.publisher.has_subscribers else "nothing is subscribed to it"
            logger.warning(
                "nothing_received channel=%s: does the hub read from this Redis, and follow this channel? (%s)",
                self._plan.channel,
                heard,
            )
        return report

    def _take_latencies(self) -> Latency:
        """The latencies since the last report; they are added to those of the whole run."""
        latest = Latency()
        for reader in self.readers:
            latest.merge(reader.verifier.latency)
            reader.verifier.latency = Latency()
        self._latency.merge(latest)
        return latest

    def _report(self, latency: Latency, final: bool) -> Report:
        return Report(
            final=final,
            seconds=round(time.perf_counter() - self._began, 1),
            published=self._published.attempted - self._published.unsure,
            unsure=self._published.unsure,
            clients=len(self.readers),
            connected=sum(reader.connected for reader in self.readers),
            reconnects=sum(max(0, reader.connects - 1) for reader in self.readers),
            errors=sum(reader.errors for reader in self.readers),
            **total(reader.verifier.counts(final) for reader in self.readers),
            p50_ms=_rounded(latency.percentile_ms(50)),
            p90_ms=_rounded(latency.percentile_ms(90)),
            p99_ms=_rounded(latency.percentile_ms(99)),
            max_ms=_rounded(latency.max_ms),
        )


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 2)


async def run_canary(plan: CanaryPlan, stopping: asyncio.Event, print_report: Callable[[Report], None]) -> Report:
    """Carry out `plan` as Canary.run() does. Raises InvalidSetting if its Redis URL can't be used."""
    # As in a browser, a stream may be silent indefinitely.
    timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with hub_client(
        plan.urls, timeout=timeout, limits=limits, headers=bearer_headers(plan.token), follow_redirects=True
    ) as client:
        return await Canary(plan, client).run(stopping, print_report)
