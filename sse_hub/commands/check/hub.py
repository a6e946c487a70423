"""
Do streams pass from the hub to here as they must? A line is published, and read through whatever stands between.

    hub's URL, Redis's URL --> check_hub() --> findings: ready, stream, buffering, resume, HTTP/2
"""

import asyncio
import json
import secrets
import socket
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.commands.check.finding import Finding, bad, good, odd, unseen
from sse_hub.protocol.sse_decoder import SseDecoder

FIRST_BYTES_SECONDS = 5.0
LINE_SECONDS = 3.0


async def check_hub(url: str, redis_url: str, channel: str, headers: dict[str, str]) -> AsyncIterator[Finding]:
    """What there is to say of the hub at `url`. `headers` are sent with each request."""
    timeout = httpx.Timeout(FIRST_BYTES_SECONDS)
    async with httpx.AsyncClient(base_url=url, timeout=timeout, headers=headers) as client:
        try:
            state = await client.get("/health/ready")
        except httpx.HTTPError as error:
            yield bad("hub", f"can't be reached: {error or type(error).__name__}")
            return
        yield good("hub", "ready") if state.status_code == 200 else bad("hub", f"/health/ready is {state.status_code}")
        try:
            async for finding in _stream(client, redis_url, channel):
                yield finding
        except (httpx.TimeoutException, TimeoutError):
            yield bad("buffering", f"nothing of a stream within {FIRST_BYTES_SECONDS:.0f} s: a proxy holds it back")
        except httpx.HTTPError as error:
            yield bad("stream", f"broke off: {str(error) or type(error).__name__}")
    yield await asyncio.to_thread(_protocol, url)


async def _stream(client: httpx.AsyncClient, redis_url: str, channel: str) -> AsyncIterator[Finding]:
    path, mark = f"/message?channel={channel}", secrets.token_hex(8)
    begun = time.perf_counter()
    async with client.stream("GET", path) as response:
        if response.status_code != 200 or "text/event-stream" not in response.headers.get("content-type", ""):
            yield bad("stream", f"{response.status_code} {response.headers.get('content-type', '')}, no event stream")
            return
        if "content-encoding" in response.headers:
            yield odd("compression", f"{response.headers['content-encoding']}: a proxy compresses, which delays lines")
        decoder, chunks = SseDecoder(), response.aiter_bytes()
        async with asyncio.timeout(FIRST_BYTES_SECONDS):
            while not decoder.last_event_id:
                decoder.feed(await anext(chunks))
        yield good("stream", f"begins after {1000 * (time.perf_counter() - begun):.0f} ms")
        before = decoder.last_event_id
        try:
            await _publish(redis_url, channel, mark)
        except (RedisError, OSError) as error:
            yield unseen("buffering", f"no line can be published to test it: {error or type(error).__name__}")
            return
        published = time.perf_counter()
        if not await _arrives(decoder, chunks, mark):
            yield bad(
                "buffering",
                f"no line within {LINE_SECONDS:.0f} s: a proxy holds streams back, or {channel} is not followed",
            )
            return
        yield good("buffering", f"a line arrives after {1000 * (time.perf_counter() - published):.0f} ms")
    async with client.stream("GET", path, headers={"Last-Event-ID": before}) as response:
        if await _arrives(SseDecoder(), response.aiter_bytes(), mark):
            yield good("resume", "goes on after Last-Event-ID")
        else:
            yield bad("resume", "Last-Event-ID has no effect: a proxy drops it, or another Redis is behind it")


async def _arrives(decoder: SseDecoder, chunks: AsyncIterator[bytes], mark: str) -> bool:
    try:
        async with asyncio.timeout(LINE_SECONDS):
            async for chunk in chunks:
                if any(mark in event.data for event in decoder.feed(chunk)):
                    return True
    except TimeoutError:
        pass
    return False


async def _publish(redis_url: str, channel: str, mark: str) -> None:
    client: Any = redis.asyncio.Redis.from_url(redis_url, socket_timeout=FIRST_BYTES_SECONDS)
    async with client:
        await client.publish(channel, json.dumps({"level": "debug", "message": f"sse-hub check {mark}"}))


def _protocol(url: str) -> Finding:
    parts = urlsplit(url)
    if parts.scheme != "https":
        return odd("http", "HTTP/1.1 without TLS: a browser opens six streams to it at most")
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    try:
        with (
            socket.create_connection((str(parts.hostname), parts.port or 443), FIRST_BYTES_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as connection,
        ):
            chosen = connection.selected_alpn_protocol()
    except OSError as error:
        return bad("http", f"no TLS: {error}")
    if chosen == "h2":
        return good("http", "HTTP/2: as many streams a browser as it likes")
    return odd("http", "HTTP/1.1: a browser opens six streams to it at most; have the proxy speak HTTP/2")
