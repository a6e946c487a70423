"""
Publishes from the first line to the last, and reports what became of them.

    InputBuffer.take() --> payload() --> Target.send(), at max_lines `lines_per_second` --> PublishResult
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sse_hub.commands.publish.input_buffer import InputBuffer, read_input
from sse_hub.commands.publish.payload import payload
from sse_hub.commands.publish.targets import HttpTarget, RedisTarget, SendResult, Target, Unavailable
from sse_hub.commands.shipping.encodings import TextEncoding

logger = logging.getLogger(__name__)

BATCH_LINES = 500
BATCH_BYTES = 1_000_000
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPlan:
    """
    What to do. `texts`, if any, are published instead of standard input, which is in `encoding`, None for UTF-8. With
    `url`, lines go to this hub with `token`, else to Redis. `wait_seconds` is how long to wait for either after the
    last line.
    """

    channel: str
    redis_url: str = field(repr=False)
    url: str | None = None
    token: str | None = field(default=None, repr=False)
    texts: tuple[str, ...] = ()
    tee: bool = False
    lines_per_second: float | None = None
    fields: dict[str, str] = field(default_factory=dict)
    encoding: TextEncoding | None = None
    wait_seconds: float = 10.0


@dataclass(slots=True)
class PublishResult:
    """
    What became of the lines: `dropped` did not fit into the buffer, `unsent` were still waiting at the end, `unsure`
    may have been published or not. `reason` is the last error.
    """

    published: int = 0
    unsure: int = 0
    refused: int = 0
    dropped: int = 0
    unsent: int = 0
    reason: str = ""

    @property
    def complete(self) -> bool:
        """Whether all lines were certainly published."""
        return not (self.unsure or self.refused or self.dropped or self.unsent)

    def add(self, sent: SendResult) -> None:
        """Count the lines of `sent`."""
        self.published += sent.published
        self.unsure += sent.unsure
        self.refused += sent.refused
        self.reason = sent.reason or self.reason

    def text(self) -> str:
        """What was not published, as a sentence."""
        parts = [
            (self.unsent + self.dropped, "not published"),
            (self.refused, "refused"),
            (self.unsure, "possibly published"),
        ]
        text = "; ".join(f"{count} {'line' if count == 1 else 'lines'} {what}" for count, what in parts if count)
        return f"{text} ({self.published} published){': ' + self.reason if self.reason else ''}"


class LinePublisher:
    """One run. Set `stopping` to stop waiting for input or the target."""

    def __init__(self, plan: PublishPlan, target: Target, input: InputBuffer) -> None:
        self.result = PublishResult()
        self.stopping = asyncio.Event()
        self._plan = plan
        self._target = target
        self._input = input
        self._next_at = 0.0

    async def run(self) -> None:
        """Publish until the input has ended and is empty, or `stopping` is set."""
        wait_seconds = FIRST_WAIT_SECONDS
        payloads: list[bytes] = []
        try:
            while not self.stopping.is_set():
                payloads = payloads or await self._next_payloads()
                if not payloads:
                    return
                try:
                    self.result.add(await self._target.send(payloads))
                    payloads = []
                    wait_seconds = FIRST_WAIT_SECONDS
                    self._set_error(None)
                except Unavailable as error:
                    self._set_error(str(error))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait_seconds):
                            await self.stopping.wait()
                    wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)
        finally:
            self.result.unsent = len(payloads) + len(self._input)
            self.result.dropped = self._input.dropped

    async def _next_payloads(self) -> list[bytes]:
        """The next payloads, once they are due; none at the end."""
        plan = self._plan
        max_lines = (
            BATCH_LINES if plan.lines_per_second is None else max(1, min(BATCH_LINES, int(plan.lines_per_second / 20)))
        )
        while not (lines := self._input.take(max_lines, BATCH_BYTES)):
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

    def _set_error(self, error: str | None) -> None:
        """Log when lines stop, and when they continue."""
        if error is not None:
            self.result.reason = error
            if self._input.flowing:
                logger.warning(
                    "publishing_paused channel=%(channel)s why=%(why)r", {"channel": self._plan.channel, "why": error}
                )
        elif not self._input.flowing:
            logger.info("publishing_resumed channel=%(channel)s", {"channel": self._plan.channel})
            self.result.reason = ""
        self._input.flowing = error is None


async def publish(plan: PublishPlan, stopping: asyncio.Event, source: int, tee: int | None) -> PublishResult:
    """
    Carry out `plan`; what became of the lines. It ends with `stopping` or the end of the descriptor `source`.

    Raises InvalidSetting if the Redis URL can't be used.
    """
    target: Target = _open_target(plan)
    input = InputBuffer()
    if plan.texts:
        _put_texts(input, plan.texts)
    else:
        # A daemon: it may wait for the next line forever.
        threading.Thread(target=read_input, args=(input, source, tee, plan.encoding), daemon=True).start()
    publisher = LinePublisher(plan, target, input)
    running = asyncio.create_task(publisher.run())
    ending = asyncio.create_task(_wait_end(plan, input, stopping))
    try:
        await asyncio.wait((running, ending), return_when=asyncio.FIRST_COMPLETED)
        publisher.stopping.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                await asyncio.shield(running)
        running.cancel()
        await asyncio.wait((running,))
        if not running.cancelled():
            running.result()
    finally:
        ending.cancel()
        await target.close()
    return publisher.result


def _put_texts(input: InputBuffer, texts: Sequence[str]) -> None:
    input.put([text.encode(errors="surrogateescape") for text in texts])
    input.end()


def _open_target(plan: PublishPlan) -> Target:
    if plan.url:
        return HttpTarget(plan.url, plan.channel, plan.token)
    return RedisTarget(plan.redis_url, plan.channel)


async def _wait_end(plan: PublishPlan, input: InputBuffer, stopping: asyncio.Event) -> None:
    """Return once publishing must stop: `wait_seconds` after the end of the input or `stopping`."""
    waiting = asyncio.create_task(stopping.wait())
    try:
        while not input.ended and not waiting.done():
            await asyncio.wait((waiting,), timeout=0.05)
        input.end()
        await asyncio.sleep(plan.wait_seconds)
    finally:
        waiting.cancel()
