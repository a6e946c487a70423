"""
A client of `/message` that never loses its position and returns no line twice.

    GET ?batch=1 with Last-Event-ID --> SseDecoder --> lines(channel, line, moment), gaps   end --> again
"""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from urllib.parse import urlencode

import httpx

from sse_hub.commands.hub_client import hub_client, hub_error_text
from sse_hub.commands.options import bearer_headers
from sse_hub.errors import StreamRefused
from sse_hub.protocol.sse_decoder import Event, SseDecoder

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
# Heartbeats come every 18 s at the latest, unless the hub is configured otherwise: then the stream is only reopened.
MAX_SILENCE_SECONDS = 90.0
RETRY_MS = 2000
ID = re.compile(r"(\d{1,20})-(\d{1,20})", re.ASCII)


class StreamFollower:
    """
    Follows `channels`, names or patterns, from `since` or from now on. Resume after `position`: everything up to it has
    been passed to `line` and `gap`; `notify` gets messages for people.
    """

    def __init__(
        self,
        url: str,
        channels: tuple[str, ...],
        since: str | None,
        line: Callable[[str, str, int], None],
        gap: Callable[[dict[str, object]], None],
        notify: Callable[[str], None],
        token: str | None = None,
        options: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`options` are further parameters of the stream, such as its filter."""
        self.position = ""
        query = [("channel", channel) for channel in channels] + [("batch", "1"), *options.items()]
        self._since = since
        self._url = f"{url.rstrip('/')}/message?"
        self._query = query
        self._line = line
        self._gap = gap
        self._notify = notify
        self._headers = bearer_headers(token)
        self._retry_ms = RETRY_MS
        self._disconnected = False
        self._last_ids: dict[str, tuple[int, int]] = {}

    async def run(self) -> None:
        """Follow until cancelled. Raises StreamRefused if the hub refuses the request for good."""
        timeout = httpx.Timeout(MAX_SILENCE_SECONDS, connect=CONNECT_SECONDS)
        async with hub_client([self._url], timeout=timeout, headers=self._headers, follow_redirects=True) as client:
            while True:
                try:
                    await self._follow(client)
                except (httpx.HTTPError, OSError) as error:
                    self._set_disconnected(hub_error_text(error))
                await asyncio.sleep(self._retry_ms / 1000)

    async def _follow(self, client: httpx.AsyncClient) -> None:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        query = list(self._query)
        if self.position:
            headers["Last-Event-ID"] = self.position
        elif self._since is not None:
            query.append(("since", self._since))
        async with client.stream("GET", self._url + urlencode(query), headers=headers) as response:
            kind = response.headers.get("content-type", "none").partition(";")[0].strip().lower()
            if response.status_code in (400, 401, 403, 404):
                await response.aread()
                raise StreamRefused(f"{self._url} answers {response.status_code}: {_detail(response)}")
            if response.status_code != 200 or kind != "text/event-stream":
                self._set_disconnected(f"status {response.status_code}, content type {kind}")
                return
            decoder = SseDecoder(self.position)
            async for data in response.aiter_bytes():
                # No await in here: the lines passed on and the position must agree.
                events = decoder.feed(data)
                self._retry_ms = self._retry_ms if decoder.retry_ms is None else decoder.retry_ms
                for event in events:
                    self._dispatch(event)
                self.position = decoder.last_event_id or self.position
                if self._disconnected and self.position:
                    self._disconnected = False
                    self._notify("the hub is reachable again")

    def _dispatch(self, event: Event) -> None:
        if event.type == "refused":
            raise ConnectionRefusedError(event.data)
        with suppress(ValueError):
            if event.type == "lines":
                for id, channel, line, moment in event.json:
                    if self._is_new(str(id), str(channel)):
                        self._line(str(channel), str(line), int(moment))
            elif event.type == "gap":
                gap = event.json
                self._gap(gap if isinstance(gap, dict) else {})

    def _is_new(self, id: str, channel: str) -> bool:
        """Whether the line is new: with a pattern, a resumed stream repeats the lines after a fence."""
        found = ID.fullmatch(id)
        if not found:
            return True
        position = (int(found[1]), int(found[2]))
        if position <= self._last_ids.get(channel, (0, 0)):
            return False
        self._last_ids[channel] = position
        return True

    def _set_disconnected(self, reason: str) -> None:
        if not self._disconnected:
            self._notify(f"the hub is unreachable ({reason}); waiting for it")
        self._disconnected = True


def _detail(response: httpx.Response) -> str:
    try:
        body = json.loads(response.text)
    except ValueError:
        return response.reason_phrase
    return str(body.get("detail") or body.get("error")) if isinstance(body, dict) else response.reason_phrase
