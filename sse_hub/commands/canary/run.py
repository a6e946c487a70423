"""
A canary from its start to its end.

    readers join --> publisher begins --> reports --> it stops --> the last lines arrive --> the final report
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

from sse_hub.commands.canary.judge import Judge
from sse_hub.commands.canary.latency import Latency
from sse_hub.commands.canary.ledger import Ledger
from sse_hub.commands.canary.lines import CanaryLines
from sse_hub.commands.canary.publisher import CanaryPublisher
from sse_hub.commands.canary.reader import CanaryReader
from sse_hub.commands.canary.report import Report, total
from sse_hub.commands.credential import bearer_headers
from sse_hub.errors import CanaryUnavailable
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
# The lines on their way are answered in a moment, or Redis is away.
STOP_SECONDS = 1.0
LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryPlan:
    """What to do. `seconds` None is until stopped, and `every_seconds` None is a report at the end only."""

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
    """One run. `client` is what the readers ask with."""

    def __init__(self, plan: CanaryPlan, client: httpx.AsyncClient) -> None:
        lines = CanaryLines(secrets.token_hex(6), plan.line_bytes)
        query = "/message?" + urlencode({"channel": plan.channel})
        urls = [url.rstrip("/") + query for url in plan.urls]
        self._plan = plan
        self._ledger = Ledger()
        # Several readers begin at different hubs.
        turns = [urls[number % len(urls) :] + urls[: number % len(urls)] for number in range(plan.clients)]
        self.readers = [
            CanaryReader(client, turn, Judge(self._ledger, lines), plan.reconnect_every_seconds) for turn in turns
        ]
        self.publisher = CanaryPublisher(plan.redis_url, plan.channel, plan.lines_per_second, lines, self._ledger)
        self._latency = Latency()
        self._began = time.perf_counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, stopping: asyncio.Event, say: Callable[[Report], None]) -> Report:
        """
        Watch until the plan's time is over or `stopping` is set; the final report, which is not said.

        Raises CanaryBlind when no line was published for certain: Redis could not be reached, or no stream opened.
        """
        for reader in self.readers:
            self._tasks.add(asyncio.create_task(reader.run()))
        if self._plan.every_seconds:
            self._tasks.add(asyncio.create_task(self._report_often(self._plan.every_seconds, say)))
        try:
            await self._join(stopping)
            self._began = time.perf_counter()
            publishing = asyncio.create_task(self.publisher.run())
            self._tasks.add(publishing)
            await self._until(stopping.wait(), self._plan.seconds)
            self.publisher.stop()
            await asyncio.wait((publishing,), timeout=STOP_SECONDS)
            await cancel_and_wait((publishing,))
            self._tasks.discard(publishing)
            await self._until(self._drained(), self._plan.drain_seconds)
            return self._final_report()
        finally:
            await cancel_and_wait(self._tasks)
            await self.publisher.close()

    async def _join(self, stopping: asyncio.Event) -> None:
        """Return when Redis is there and all readers have their places. Raises CanaryBlind."""
        seconds = None if self._plan.seconds is None else self._plan.drain_seconds
        ready = asyncio.create_task(self._ready())
        stop = asyncio.create_task(stopping.wait())
        try:
            await self._first((ready, stop), seconds)
            if not ready.done():
                raise CanaryUnavailable(self._what_is_missing())
        finally:
            await cancel_and_wait((ready, stop))

    async def _ready(self) -> None:
        await self.publisher.connect()
        for reader in self.readers:
            await reader.joined.wait()

    def _what_is_missing(self) -> str:
        away = [reader for reader in self.readers if not reader.joined.is_set()]
        reasons = []
        if self.publisher.last_error:
            reasons.append(f"Redis can't be reached, or refuses: {self.publisher.last_error}")
        if away:
            reasons.append(f"no stream began: {away[0].last_error or 'nothing came in time'}")
        return f"No line was published. {'; '.join(reasons) or 'It was stopped before.'}"

    async def _until(self, what: Coroutine[Any, Any, object], seconds: float | None) -> None:
        task = asyncio.create_task(what)
        try:
            await self._first((task,), seconds)
        finally:
            await cancel_and_wait((task,))

    async def _first(self, waited: tuple[asyncio.Task[Any], ...], seconds: float | None) -> None:
        """Return when one of `waited` has ended, or `seconds` are over. Raises what a background task has died of."""
        done, _ = await asyncio.wait((*self._tasks, *waited), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _drained(self) -> None:
        # Looked at now and then, so that no line costs more for it.
        while True:
            if all(reader.judge.settled for reader in self.readers):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _report_often(self, every_seconds: float, say: Callable[[Report], None]) -> None:
        while True:
            await asyncio.sleep(every_seconds)
            say(self._report(self._latest(), final=False))

    def _final_report(self) -> Report:
        self._latest()
        report = self._report(self._latency, final=True)
        if not report.published:
            raise CanaryUnavailable(self._what_is_missing())
        if not report.received:
            heard = "nobody subscribes to it there" if not self.publisher.heard else "somebody subscribes to it there"
            logger.warning(
                "nothing_received channel=%s: does the hub read from this Redis, and follow this channel? (%s)",
                self._plan.channel,
                heard,
            )
        return report

    def _latest(self) -> Latency:
        """The times since the last report, which are added to those of the whole run."""
        latest = Latency()
        for reader in self.readers:
            latest.merge(reader.judge.latency)
            reader.judge.latency = Latency()
        self._latency.merge(latest)
        return latest

    def _report(self, latency: Latency, final: bool) -> Report:
        return Report(
            final=final,
            seconds=round(time.perf_counter() - self._began, 1),
            published=self._ledger.begun - self._ledger.unsure,
            unsure=self._ledger.unsure,
            clients=len(self.readers),
            connected=sum(reader.connected for reader in self.readers),
            reconnects=sum(max(0, reader.connects - 1) for reader in self.readers),
            errors=sum(reader.errors for reader in self.readers),
            **total(reader.judge.verdict(final) for reader in self.readers),
            p50_ms=_rounded(latency.percentile_ms(50)),
            p90_ms=_rounded(latency.percentile_ms(90)),
            p99_ms=_rounded(latency.percentile_ms(99)),
            max_ms=_rounded(latency.max_ms),
        )


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 2)


async def run_canary(plan: CanaryPlan, stopping: asyncio.Event, say: Callable[[Report], None]) -> Report:
    """Carry out `plan`, as Canary.run() does. InvalidSetting when its Redis URL can't be used."""
    # As in a browser, a stream may be silent for ever.
    timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(
        timeout=timeout, limits=limits, headers=bearer_headers(plan.token), follow_redirects=True
    ) as client:
        return await Canary(plan, client).run(stopping, say)
