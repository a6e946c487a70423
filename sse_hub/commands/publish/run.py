"""
From the first line to the last, and what to say of it.

    Intake.take() --> payload() --> Outlet.send(), at most `lines_per_second` --> Tally          Away: wait, try again
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sse_hub.commands.publish.input_buffer import InputBuffer, read
from sse_hub.commands.publish.payload import payload
from sse_hub.commands.publish.targets import HttpTarget, RedisTarget, SendResult, Target, Unavailable

logger = logging.getLogger(__name__)

BATCH_LINES = 500
BATCH_BYTES = 1_000_000
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPlan:
    """
    What to do. `texts` are published instead of the standard input if there are any; `url` is that of a hub, to
    be asked with `token`, else lines go to Redis. `wait_seconds` is how long to wait for either after the last line.
    """

    channel: str
    redis_url: str = field(repr=False)
    url: str | None = None
    token: str | None = field(default=None, repr=False)
    texts: tuple[str, ...] = ()
    tee: bool = False
    lines_per_second: float | None = None
    fields: dict[str, str] = field(default_factory=dict)
    wait_seconds: float = 10.0


@dataclass(slots=True)
class PublishResult:
    """
    What became of the lines. `left_out` found no room while nobody took any, `unsent` were still waiting at the end.
    """

    published: int = 0
    unsure: int = 0
    refused: int = 0
    left_out: int = 0
    unsent: int = 0
    why: str = ""

    @property
    def whole(self) -> bool:
        """True when all was published for certain."""
        return not (self.unsure or self.refused or self.left_out or self.unsent)

    def add(self, sent: SendResult) -> None:
        """Count `sent`."""
        self.published += sent.published
        self.unsure += sent.unsure
        self.refused += sent.refused
        self.why = sent.why or self.why

    def text(self) -> str:
        """What was not published, in a sentence."""
        parts = [
            (self.unsent + self.left_out, "not published"),
            (self.refused, "refused"),
            (self.unsure, "perhaps published, perhaps not"),
        ]
        said = "; ".join(f"{count} {'line' if count == 1 else 'lines'} {what}" for count, what in parts if count)
        return f"{said} ({self.published} published){': ' + self.why if self.why else ''}"


class LinePublisher:
    """One run. `hurry` is set to wait for nothing any more."""

    def __init__(self, plan: PublishPlan, outlet: Target, intake: InputBuffer) -> None:
        self.tally = PublishResult()
        self.hurry = asyncio.Event()
        self._plan = plan
        self._target = outlet
        self._input = intake
        self._next_at = 0.0

    async def run(self) -> None:
        """Publish until the intake has ended and is empty, or hurry() was called."""
        wait_seconds = FIRST_WAIT_SECONDS
        payloads: list[bytes] = []
        try:
            while not self.hurry.is_set():
                payloads = payloads or await self._next()
                if not payloads:
                    return
                try:
                    self.tally.add(await self._target.send(payloads))
                    payloads = []
                    wait_seconds = FIRST_WAIT_SECONDS
                    self._flows(None)
                except Unavailable as error:
                    self._flows(str(error))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait_seconds):
                            await self.hurry.wait()
                    wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)
        finally:
            self.tally.unsent = len(payloads) + len(self._input)
            self.tally.left_out = self._input.left_out

    async def _next(self) -> list[bytes]:
        """The next payloads to send, when they are due; none at the end."""
        plan = self._plan
        most = (
            BATCH_LINES if plan.lines_per_second is None else max(1, min(BATCH_LINES, int(plan.lines_per_second / 20)))
        )
        while not (lines := self._input.take(most, BATCH_BYTES)):
            if self._input.ended:
                return []
            self._input.arrived.clear()
            if not len(self._input) and not self._input.ended:
                await self._input.arrived.wait()
        if plan.lines_per_second is not None:
            loop = asyncio.get_running_loop()
            self._next_at = max(self._next_at, loop.time())
            await asyncio.sleep(self._next_at - loop.time())
            self._next_at += len(lines) / plan.lines_per_second
        return [payload(line, plan.fields) for line in lines]

    def _flows(self, trouble: str | None) -> None:
        """Say when lines stop, and when they go on."""
        if trouble is not None:
            self.tally.why = trouble
            if self._input.flowing:
                logger.warning(
                    "publishing_paused channel=%(channel)s why=%(why)r", {"channel": self._plan.channel, "why": trouble}
                )
        elif not self._input.flowing:
            logger.info("publishing_resumed channel=%(channel)s", {"channel": self._plan.channel})
            self.tally.why = ""
        self._input.flowing = trouble is None


async def publish(plan: PublishPlan, stopping: asyncio.Event, source: int, tee: int | None) -> PublishResult:
    """
    Carry out `plan`; what became of the lines. `stopping` ends it, and so does the end of the descriptor `source`.

    Raises InvalidSetting when the Redis URL can't be used.
    """
    outlet: Target = _open_target(plan)
    intake = InputBuffer()
    if plan.texts:
        _put(intake, plan.texts)
    else:
        # A daemon: it may wait for the next line for ever.
        threading.Thread(target=read, args=(intake, source, tee), daemon=True).start()
    pipe = LinePublisher(plan, outlet, intake)
    running = asyncio.create_task(pipe.run())
    ending = asyncio.create_task(_end(plan, intake, stopping))
    try:
        await asyncio.wait((running, ending), return_when=asyncio.FIRST_COMPLETED)
        pipe.hurry.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                await asyncio.shield(running)
        running.cancel()
        await asyncio.wait((running,))
        if not running.cancelled():
            running.result()
    finally:
        ending.cancel()
        await outlet.close()
    return pipe.tally


def _put(intake: InputBuffer, texts: Sequence[str]) -> None:
    intake.put([text.encode(errors="surrogateescape") for text in texts])
    intake.end()


def _open_target(plan: PublishPlan) -> Target:
    if plan.url:
        return HttpTarget(plan.url, plan.channel, plan.token)
    return RedisTarget(plan.redis_url, plan.channel)


async def _end(plan: PublishPlan, intake: InputBuffer, stopping: asyncio.Event) -> None:
    """Return when to wait no longer."""
    waiting = asyncio.create_task(stopping.wait())
    try:
        while not intake.ended and not waiting.done():
            await asyncio.wait((waiting,), timeout=0.05)
        intake.end()
        await asyncio.sleep(plan.wait_seconds)
    finally:
        waiting.cancel()
