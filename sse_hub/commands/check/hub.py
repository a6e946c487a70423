"""
Checks streams from the hub to here: publishes a line and reads it through all proxies in between.

    hub's URL, Redis's URL --> check_hub() --> results: ready, stream, buffering, resume, HTTP/2
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
from redis.exceptions import RedisError

from sse_hub.broker.connect import publisher_client
from sse_hub.broker.keys import Partition
from sse_hub.commands.check.result import CheckResult, bad, passed, unknown, warning
from sse_hub.commands.hub_client import hub_client, hub_error_text
from sse_hub.errors import error_text
from sse_hub.protocol.sse_decoder import SseDecoder

FIRST_BYTES_SECONDS = 5.0
LINE_SECONDS = 3.0


async def check_hub(url: str, redis_url: str, channel: str, headers: dict[str, str]) -> AsyncIterator[CheckResult]:
    """The results for the hub at `url`. `headers` are sent with each request."""
    timeout = httpx.Timeout(FIRST_BYTES_SECONDS)
    async with hub_client([url], base_url=url, timeout=timeout, headers=headers) as client:
        try:
            state = await client.get("/health/ready")
        except httpx.HTTPError as error:
            yield bad("hub", f"unreachable: {hub_error_text(error)}")
            return
        yield (
            passed("hub", "ready") if state.status_code == 200 else bad("hub", f"/health/ready is {state.status_code}")
        )
        try:
            async for result in _check_stream(client, redis_url, channel):
                yield result
        except (httpx.TimeoutException, TimeoutError):
            yield bad("buffering", f"no byte of a stream within {FIRST_BYTES_SECONDS:.0f} s: a proxy buffers it")
        except httpx.HTTPError as error:
            yield bad("stream", f"interrupted: {hub_error_text(error)}")
    yield await asyncio.to_thread(_check_http_version, url)


async def _check_stream(client: httpx.AsyncClient, redis_url: str, channel: str) -> AsyncIterator[CheckResult]:
    path, marker = f"/message?channel={channel}", secrets.token_hex(8)
    started = time.perf_counter()
    async with client.stream("GET", path) as response:
        if response.status_code != 200 or "text/event-stream" not in response.headers.get("content-type", ""):
            yield bad(
                "stream", f"{response.status_code} {response.headers.get('content-type', '')} is not an event stream"
            )
            return
        if "content-encoding" in response.headers:
            yield warning(
                "compression",
                f"{response.headers['content-encoding']}: a proxy compresses streams, which delays lines",
            )
        decoder, chunks = SseDecoder(), response.aiter_bytes()
        async with asyncio.timeout(FIRST_BYTES_SECONDS):
            while not decoder.last_event_id:
                decoder.feed(await anext(chunks))
        yield passed("stream", f"starts after {1000 * (time.perf_counter() - started):.0f} ms")
        before = decoder.last_event_id
        try:
            await _publish(redis_url, channel, marker)
        except (RedisError, OSError) as error:
            yield unknown("buffering", f"can't publish a line to test it: {error_text(error)}")
            return
        published = time.perf_counter()
        if not await _line_arrives(decoder, chunks, marker):
            yield bad(
                "buffering",
                f"no line within {LINE_SECONDS:.0f} s: a proxy buffers streams, or the hub does not follow {channel}",
            )
            return
        yield passed("buffering", f"a line arrives after {1000 * (time.perf_counter() - published):.0f} ms")
    async with client.stream("GET", path, headers={"Last-Event-ID": before}) as response:
        if await _line_arrives(SseDecoder(), response.aiter_bytes(), marker):
            yield passed("resume", "continues after Last-Event-ID")
        else:
            yield bad("resume", "Last-Event-ID has no effect: a proxy drops it, or the hub uses another Redis")


async def _line_arrives(decoder: SseDecoder, chunks: AsyncIterator[bytes], marker: str) -> bool:
    try:
        async with asyncio.timeout(LINE_SECONDS):
            async for chunk in chunks:
                if any(marker in event.data for event in decoder.feed(chunk)):
                    return True
    except TimeoutError:
        pass
    return False


async def _publish(redis_url: str, channel: str, marker: str) -> None:
    client: Any = publisher_client(redis_url, Partition())
    async with client:
        await client.publish(channel, json.dumps({"level": "debug", "message": f"sse-hub check {marker}"}))


def _check_http_version(url: str) -> CheckResult:
    parts = urlsplit(url)
    if parts.scheme != "https":
        return warning("http", "HTTP/1.1 without TLS: a browser opens at most six streams to it")
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
        return passed("http", "HTTP/2: no limit of streams per browser")
    return warning("http", "HTTP/1.1: a browser opens at most six streams to it; enable HTTP/2 in the proxy")
