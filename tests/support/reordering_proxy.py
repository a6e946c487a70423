"""
A proxy in front of Redis that stands for servers that keep no order: several threads, or shards behind one address.

    client <── what came within 2 ms, reordered by a function of the test ── reordering_proxy() <── Redis
"""

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from sse_hub.tasks import cancel_and_wait

LATENCY_SECONDS = 0.002


class Push(NamedTuple):
    """A line or fence on `channel`, as it is sent."""

    channel: bytes
    raw: bytes


# What to send for pushes that came together; the generator is that of the connection.
Reorder = Callable[[list[Push], random.Random], list[Push]]


def between_channels(pushes: list[Push], chance: random.Random) -> list[Push]:
    """In order on each channel, in none between them: each is on a shard of its own."""
    rank = {channel: chance.random() for channel in sorted({push.channel for push in pushes})}
    return sorted(pushes, key=lambda push: rank[push.channel])


def between_sessions(pushes: list[Push], chance: random.Random) -> list[Push]:
    """Each session gets its own order, on one channel too, a few places apart: a thread for each publisher."""
    places = [at + chance.uniform(0, 4) for at in range(len(pushes))]
    return [pushes[at] for at in sorted(range(len(pushes)), key=places.__getitem__)]


def losing(pushes: list[Push], chance: random.Random) -> list[Push]:
    """In order, but one line in a hundred is missing in each session."""
    return [push for push in pushes if push.channel.endswith(b"fence") or chance.random() > 0.01]


@contextmanager
def reordering_proxy(port: int, reorder: Reorder) -> Iterator[int]:
    """The port of a proxy in front of the Redis at `port`, in a thread of its own. It understands RESP2 and RESP3."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    proxy = _Proxy(port, reorder)
    try:
        yield asyncio.run_coroutine_threadsafe(proxy.listen(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(proxy.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Proxy:
    def __init__(self, port: int, reorder: Reorder) -> None:
        self._port = port
        self._reorder = reorder
        self._server: asyncio.Server | None = None
        self._serving: list[asyncio.Task[None]] = []

    async def listen(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server:
            self._server.close()
        await cancel_and_wait(self._serving)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.append(asyncio.create_task(self._serve(reader, writer, len(self._serving))))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        from_redis, to_redis = await asyncio.open_connection("127.0.0.1", self._port)
        passing_on = asyncio.create_task(_copy(reader, to_redis))
        chance, rest = random.Random(number), b""
        try:
            while data := await _late(from_redis):
                sent, rest = _reordered(rest + data, self._reorder, chance)
                writer.write(sent)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            await cancel_and_wait([passing_on])
            to_redis.close()
            writer.close()


async def _late(reader: asyncio.StreamReader) -> bytes:
    # Threads and shards are apart by some time: what comes in it is read, and reordered, together.
    await asyncio.sleep(LATENCY_SECONDS)
    return await reader.read(65_536)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


def _reordered(data: bytes, reorder: Reorder, chance: random.Random) -> tuple[bytes, bytes]:
    """What to send for `data`, and the beginning of a reply that has not come yet."""
    sent: list[bytes] = []
    together: list[Push] = []

    def flush() -> None:
        sent.extend(push.raw for push in reorder(together, chance))
        together.clear()

    at = 0
    while end := _end_of_reply(data, at):
        raw = data[at:end]
        words = raw.split(b"\r\n")
        kind = words[2] if raw[:1] in (b"*", b">") and len(words) > 4 else b""
        if kind in (b"message", b"pmessage"):
            together.append(Push(words[-4], raw))
        else:
            flush()
            sent.append(raw)
        at = end
    flush()
    return b"".join(sent), data[at:]


def _end_of_reply(data: bytes, at: int) -> int:
    """The offset after the reply that begins at `at`; 0 if it is not complete."""
    line_end = data.find(b"\r\n", at)
    if line_end < 0:
        return 0
    kind, end = data[at : at + 1], line_end + 2
    if kind == b"$":
        length = int(data[at + 1 : line_end])
        end += length + 2 if length >= 0 else 0
        return end if end <= len(data) else 0
    if kind in (b"*", b">", b"~", b"%"):
        for _ in range(int(data[at + 1 : line_end]) * (2 if kind == b"%" else 1)):
            end = _end_of_reply(data, end)
            if not end:
                return 0
    return end
