"""
Hostile clients in their own process: some read nothing, some never finish their request, some reconnect without end
although they are refused.

    python -m tests.support.hostile_clients PORT SECONDS CONNECTS_PER_SECOND SLOW PAUSED --> READY --> {"refused": n, …}

Those that read nothing hold all streams that their address may have, so all others from that address are refused.
"""

import asyncio
import json
import socket
import sys
import time
from collections import Counter
from typing import cast

import uvloop

GREEDY, SLOW = "127.0.0.2", "127.0.0.3"
STREAM = b"GET /message?channel=a HTTP/1.1\r\nHost: hub\r\n\r\n"
HEAD = b"GET /message?channel=a HTTP/1.1\r\nHost: hub\r\nX-Padding: " + b"y" * 4_000


class Comer(asyncio.Protocol):
    """Requests a stream and counts the outcome."""

    def __init__(self, tally: Counter[str]) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tally = tally
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(STREAM)

    def data_received(self, data: bytes) -> None:
        self._received += data

    def connection_lost(self, error: Exception | None) -> None:
        self._tally["refused" if b"event: refused" in self._received else "other"] += 1
        self.ended.set_result(None)


class Paused(asyncio.Protocol):
    """Reads the beginning of a stream, then nothing more."""

    def __init__(self, opened: asyncio.Future[None]) -> None:
        self._opened = opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(STREAM)

    def data_received(self, data: bytes) -> None:
        if b"id: " in data:
            self._transport.pause_reading()
            self._opened.set_result(None)


async def connected(port: int, address: str, receive_buffer_bytes: int = 0) -> socket.socket:
    """A connection to the hub from `address`."""
    connection = socket.socket()
    connection.setblocking(False)
    if receive_buffer_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    connection.bind((address, 0))
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    return connection


async def open_paused(port: int) -> asyncio.Transport:
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[None] = loop.create_future()
    transport, _ = await loop.create_connection(lambda: Paused(opened), sock=await connected(port, GREEDY, 4096))
    await opened
    return transport


async def drip(port: int, tally: Counter[str]) -> None:
    """Send a byte of a request head every second, and start again when disconnected."""
    while True:
        reader, writer = await asyncio.open_connection(sock=await connected(port, SLOW))
        ended = asyncio.create_task(reader.read())
        for byte in HEAD:
            writer.write(bytes([byte]))
            await asyncio.wait({ended}, timeout=1.0)
            if ended.done():
                break
        tally["slow_cut"] += b"408" in ended.result()
        writer.close()


async def come(port: int, seconds: float, per_second: int, tally: Counter[str]) -> None:
    """Connect at the given rate, whatever the outcome."""
    loop, began, made = asyncio.get_running_loop(), time.monotonic(), 0
    last: Comer | None = None
    while time.monotonic() < began + seconds:
        due = int((time.monotonic() - began) * per_second) - made
        for _ in range(due):
            _, last = await loop.create_connection(lambda: Comer(tally), sock=await connected(port, GREEDY))
        made += due
        # One by one, as from many places, not in bursts.
        await asyncio.sleep(0.001)
    tally["made"] = made
    if last:
        await last.ended


async def main(port: int, seconds: float, per_second: int, slow: int, paused: int) -> None:
    """Be hostile for `seconds`, and print the outcome."""
    tally: Counter[str] = Counter()
    # Nothing else refers to a paused transport: the garbage collector would close it.
    held = await asyncio.gather(*(open_paused(port) for _ in range(paused)))
    dripping = [asyncio.create_task(drip(port, tally)) for _ in range(slow)]
    print("READY", flush=True)  # noqa: T201  # for the test that has started this
    await come(port, seconds, per_second, tally)
    for task in dripping:
        task.cancel()
    tally["held"] = sum(not transport.is_closing() for transport in held)
    print(json.dumps(tally), flush=True)  # noqa: T201


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]), *map(int, sys.argv[3:6])))
