"""
Targets for lines: Redis itself, or a hub that accepts them over HTTP.

    send(lines) --> SendResult(published, unsure, refused)          Unavailable: nothing was published, try again later
"""

import asyncio
import secrets
from typing import NamedTuple, Protocol
from urllib.parse import urlencode

import httpx
from redis.exceptions import RedisError, ResponseError

from sse_hub.broker.plain_publisher import PlainPublisher
from sse_hub.commands.hub_client import hub_client, hub_error_text
from sse_hub.commands.options import bearer_headers
from sse_hub.commands.publish.payload import as_json
from sse_hub.errors import error_text

ANSWER_SECONDS = 15.0
# These may succeed after a moment: a hub that is starting or stopping, or a proxy without a hub.
RETRY_STATUSES = (429, 500, 502, 503, 504)
# How often to ask a hub whether lines it has published have been recorded since.
MAX_TRIES = 10


class Unavailable(Exception):
    """The target accepts no lines now; the message says why."""


class SendResult(NamedTuple):
    """What became of lines: `unsure` may have been published, `refused` were not; `reason` is the error text."""

    published: int
    unsure: int = 0
    refused: int = 0
    reason: str = ""


class Target(Protocol):
    """Accepts lines."""

    async def send(self, lines: list[bytes]) -> SendResult:
        """Publish `lines`, in order. Raises Unavailable if the same lines may be sent again."""

    async def close(self) -> None:
        """Close the connection."""


class RedisTarget:
    """Publishes on `channel` of a Redis. Raises InvalidSetting if `redis_url` can't be used."""

    def __init__(self, redis_url: str, channel: str) -> None:
        self._publisher = PlainPublisher(redis_url)
        self._channel = channel

    async def send(self, lines: list[bytes]) -> SendResult:
        try:
            await self._publisher.connect()
        except (RedisError, OSError) as error:
            raise Unavailable(error_text(error)) from None
        replies, failure = await self._publisher.publish([(self._channel, line) for line in lines])
        refused = [reply for reply in replies if isinstance(reply, ResponseError)]
        # Sending those without a reply again could publish them twice.
        unsure = replies.count(None)
        reason = failure or (refused[-1] if refused else None)
        published = len(lines) - unsure - len(refused)
        return SendResult(published, unsure, len(refused), error_text(reason) if reason else "")

    async def close(self) -> None:
        await self._publisher.close()


class HttpTarget:
    """Publishes on `channel` by `POST /publish` of the hub at `url`, each body with its own idempotency key."""

    def __init__(self, url: str, channel: str, token: str | None) -> None:
        self._url = f"{url.rstrip('/')}/publish?{urlencode({'channel': channel})}"
        self._client = hub_client([url], timeout=ANSWER_SECONDS, headers=bearer_headers(token))
        self._key: tuple[list[bytes], str] = ([], "")
        self._tries = 0

    async def send(self, lines: list[bytes]) -> SendResult:
        # The same lines have the same key, by which the hub knows what it has published already.
        if self._key[0] != lines:
            self._key = (lines, secrets.token_hex(16))
        try:
            body = b"\n".join(map(as_json, lines))
            headers = {"Idempotency-Key": self._key[1], "Content-Type": "application/x-ndjson"}
            response = await self._client.post(self._url, content=body, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            raise Unavailable(hub_error_text(error)) from None
        if response.status_code in RETRY_STATUSES:
            self._tries += 1
            if self._tries >= MAX_TRIES and _published_count(response) == len(lines):
                # They were delivered; if the log has no room for them, it never will.
                self._key, self._tries = ([], ""), 0
                return SendResult(0, len(lines), 0, _detail(response))
            raise Unavailable(f"{response.status_code} {response.reason_phrase}: {_detail(response)}")
        self._key, self._tries = ([], ""), 0
        if response.status_code == 200:
            return SendResult(len(lines))
        if response.status_code in (400, 413) and len(lines) > 1:
            return await self._one_by_one(lines)
        return SendResult(0, 0, len(lines), f"{response.status_code} {response.reason_phrase}: {_detail(response)}")

    async def close(self) -> None:
        await self._client.aclose()

    async def _one_by_one(self, lines: list[bytes]) -> SendResult:
        """None of `lines` was published because of one of them: send each by itself."""
        total = SendResult(0)
        for line in lines:
            sent = await self._send_until_taken([line])
            total = SendResult(
                total.published + sent.published, 0, total.refused + sent.refused, sent.reason or total.reason
            )
        return total

    async def _send_until_taken(self, lines: list[bytes]) -> SendResult:
        while True:
            try:
                return await self.send(lines)
            except Unavailable:
                await asyncio.sleep(1.0)


def _published_count(response: httpx.Response) -> int | None:
    try:
        body = response.json()
    except ValueError:
        return None
    published = body.get("published") if isinstance(body, dict) else None
    return published if isinstance(published, int) else None


def _detail(response: httpx.Response) -> str:
    return response.text[:200].replace("\n", " ")
