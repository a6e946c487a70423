"""
Where lines go: Redis itself, or a hub that takes them over HTTP.

    send(lines) --> Sent(published, unsure, refused)          Away: nothing of it has happened, try again later
"""

import asyncio
import secrets
from typing import NamedTuple, Protocol
from urllib.parse import urlencode

import httpx
from redis.exceptions import RedisError, ResponseError

from sse_hub.broker.connect import publisher_connection
from sse_hub.commands.credential import bearer_headers
from sse_hub.commands.publish.payload import as_json

ANSWER_SECONDS = 15.0
# What may be well in a moment: a hub that starts or stops, or a proxy that has none.
AGAIN = (429, 500, 502, 503, 504)
# So often a hub is asked whether lines that it has published have been recorded since.
TRIES = 10


class Unavailable(Exception):
    """Nobody takes lines now; the message says why."""


class SendResult(NamedTuple):
    """What became of lines: `unsure` may have been published or not, `refused` were not, `why` in words."""

    published: int
    unsure: int = 0
    refused: int = 0
    why: str = ""


class Target(Protocol):
    """Takes lines."""

    async def send(self, lines: list[bytes]) -> SendResult:
        """Publish `lines`, in order. Raises Away when the same lines may be sent again."""

    async def close(self) -> None:
        """Leave."""


class RedisTarget:
    """Publishes on `channel`. InvalidSetting when `redis_url` can't be used."""

    def __init__(self, redis_url: str, channel: str) -> None:
        self._connection = publisher_connection(redis_url)
        self._channel = channel

    async def send(self, lines: list[bytes]) -> SendResult:
        try:
            await self._connection.connect()  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            await self.close()
            raise Unavailable(_words(error)) from None
        published = refused = 0
        why = ""
        try:
            packed = self._connection.pack_commands([("PUBLISH", self._channel, line) for line in lines])
            await self._connection.send_packed_command(packed)
            for _ in lines:
                try:
                    await self._connection.read_response()
                    published += 1
                except ResponseError as error:
                    refused += 1
                    why = _words(error)
        except (RedisError, OSError) as error:
            # Sent again, they could be there twice.
            await self.close()
            return SendResult(published, len(lines) - published - refused, refused, _words(error))
        return SendResult(published, 0, refused, why)

    async def close(self) -> None:
        await self._connection.disconnect(nowait=True)


class HttpTarget:
    """Publishes on `channel` by `POST /publish` of the hub at `url`, each body under a key of its own."""

    def __init__(self, url: str, channel: str, token: str | None) -> None:
        self._url = f"{url.rstrip('/')}/publish?{urlencode({'channel': channel})}"
        self._client = httpx.AsyncClient(timeout=ANSWER_SECONDS, headers=bearer_headers(token))
        self._key: tuple[list[bytes], str] = ([], "")
        self._tries = 0

    async def send(self, lines: list[bytes]) -> SendResult:
        # The same lines again: the same key, by which the hub knows what it has published already.
        if self._key[0] != lines:
            self._key = (lines, secrets.token_hex(16))
        try:
            body = b"\n".join(map(as_json, lines))
            headers = {"Idempotency-Key": self._key[1], "Content-Type": "application/x-ndjson"}
            answer = await self._client.post(self._url, content=body, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            raise Unavailable(_words(error)) from None
        if answer.status_code in AGAIN:
            self._tries += 1
            if self._tries >= TRIES and _published(answer) == len(lines):
                # They were delivered, and what has no room in the log will not find it.
                self._key, self._tries = ([], ""), 0
                return SendResult(0, len(lines), 0, _detail(answer))
            raise Unavailable(f"{answer.status_code} {answer.reason_phrase}: {_detail(answer)}")
        self._key, self._tries = ([], ""), 0
        if answer.status_code == 200:
            return SendResult(len(lines))
        if answer.status_code in (400, 413) and len(lines) > 1:
            return await self._one_by_one(lines)
        return SendResult(0, 0, len(lines), f"{answer.status_code} {answer.reason_phrase}: {_detail(answer)}")

    async def close(self) -> None:
        await self._client.aclose()

    async def _one_by_one(self, lines: list[bytes]) -> SendResult:
        """Nothing of `lines` was published because of one of them: the others are none the worse."""
        total = SendResult(0)
        for line in lines:
            sent = await self._patiently([line])
            total = SendResult(total.published + sent.published, 0, total.refused + sent.refused, sent.why or total.why)
        return total

    async def _patiently(self, lines: list[bytes]) -> SendResult:
        while True:
            try:
                return await self.send(lines)
            except Unavailable:
                await asyncio.sleep(1.0)


def _published(answer: httpx.Response) -> int | None:
    try:
        body = answer.json()
    except ValueError:
        return None
    published = body.get("published") if isinstance(body, dict) else None
    return published if isinstance(published, int) else None


def _detail(answer: httpx.Response) -> str:
    return answer.text[:200].replace("\n", " ")


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
