"""
A plain EventSource in Python, which passes what it receives to a verifier.

    URLs in turn --> GET with Last-Event-ID --> SseDecoder --> StreamVerifier      any end --> retry: --> the next URL

It differs from a browser in one respect: a browser gives up after a status other than 200 or another content type.
"""

import asyncio
import itertools
import json
import logging
import random
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from sse_hub.commands.canary.verifier import StreamVerifier
from sse_hub.errors import error_text
from sse_hub.protocol.sse_decoder import Event, SseDecoder

logger = logging.getLogger(__name__)

# A browser waits this long if no `retry:` has set another time.
RETRY_MS = 3000
CUT_SPREAD = 0.5


class CanaryReader:
    """
    Reads until cancelled. `ready` is set once it has its position in the stream: later lines must arrive.

    `connected` is true while a stream is open. `connects` counts the streams that opened, `errors` those that did not
    open or that failed; `last_error` is the last of these errors.
    """

    def __init__(
        self, client: httpx.AsyncClient, urls: Sequence[str], verifier: StreamVerifier, reconnect_every_seconds: float
    ) -> None:
        self.verifier = verifier
        self.ready = asyncio.Event()
        self.connected = False
        self.connects = 0
        self.errors = 0
        self.last_error = ""
        self._client = client
        self._urls = urls
        self._reconnect_every_seconds = reconnect_every_seconds
        self._retry_ms = RETRY_MS
        self._last_event_id = ""
        self._disconnected = False

    async def run(self) -> None:
        """Follow the stream across disconnects."""
        for url in itertools.cycle(self._urls):
            await self._follow_once(url)
            self.connected = False
            await asyncio.sleep(self._retry_ms / 1000)

    async def _follow_once(self, url: str) -> None:
        cut = asyncio.timeout(self._cut_seconds())
        try:
            async with cut:
                await self._follow(url)
        except (httpx.HTTPError, OSError) as error:
            if not cut.expired():
                self._record_failure(url, _root_cause(error))

    async def _follow(self, url: str) -> None:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last_event_id:
            headers["Last-Event-ID"] = self._last_event_id
        async with self._client.stream("GET", url, headers=headers) as response:
            kind = response.headers.get("content-type", "none").partition(";")[0].strip().lower()
            if response.status_code != 200 or kind != "text/event-stream":
                self._record_failure(
                    url, f"it answers {response.status_code} {response.reason_phrase}, content type {kind}"
                )
                return
            self.connects += 1
            self.connected = True
            decoder = SseDecoder(self._last_event_id)
            async for data in response.aiter_bytes():
                self._decode(url, decoder, data)

    def _decode(self, url: str, decoder: SseDecoder, data: bytes) -> None:
        at = time.perf_counter()
        events = decoder.feed(data)
        if decoder.retry_ms is not None:
            self._retry_ms = decoder.retry_ms
        for event in events:
            self._dispatch(event, at)
        self._last_event_id = decoder.last_event_id
        if self._last_event_id and not self.ready.is_set():
            self.ready.set()
        if self._disconnected:
            self._disconnected = False
            logger.info(
                "stream_restored url=%(url)s after=%(after)s",
                {"url": _without_password(url), "after": self._last_event_id or None},
            )

    def _dispatch(self, event: Event, at: float) -> None:
        if event.type == "message":
            self.verifier.line(event.id, event.data, at)
        elif event.type == "gap":
            logger.warning("gap_reported data=%(data)s", {"data": event.data})
            self.verifier.gap(_parse_object(event.data))
        elif event.type == "refused":
            raise ConnectionRefusedError(event.data)

    def _record_failure(self, url: str, error: str) -> None:
        self.errors += 1
        self.last_error = f"{_without_password(url)}: {error}"
        if not self._disconnected:
            logger.warning("stream_lost url=%(url)s error=%(error)r", {"url": _without_password(url), "error": error})
        self._disconnected = True

    def _cut_seconds(self) -> float | None:
        if not self._reconnect_every_seconds:
            return None
        return self._reconnect_every_seconds * random.uniform(1 - CUT_SPREAD, 1 + CUT_SPREAD)


def _parse_object(data: str) -> dict[str, object]:
    try:
        value = json.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _root_cause(error: BaseException) -> str:
    """The original system error, which the HTTP library wraps several times."""
    words = error_text(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and str(cause):
            words = str(cause)
        # An exception group has one error for each address of a host.
        one_of_many = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else None
        cause = one_of_many or cause.__cause__ or cause.__context__
    return words
