"""
A proxy that tampers with lines: one in a hundred goes through a function of the test.

    hub --> frames --> tampering_proxy() --> frames, some of them changed --> client
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sse_hub.protocol.sse import checkpoint_frame
from sse_hub.tasks import cancel_and_wait
from tests.support.sse_client import open_stream

EVERY = 100

# What to send for two consecutive frames.
Tamper = Callable[[bytes, bytes], list[bytes]]


@dataclass
class Proxy:
    """A listening proxy. `tampered` counts the pairs of frames that were changed."""

    tamper: Tamper
    url: str = ""
    tampered: int = 0
    since: int = 0

    def pass_on(self, frames: list[bytes]) -> list[bytes]:
        """What to send for frames that arrived together."""
        sent: list[bytes] = []
        for frame in frames:
            self.since += 1
            # Only a pair that arrived together, so that no frame is held back when the stream ends.
            if self.since >= EVERY and sent and b"data:" in frame and b"data:" in sent[-1]:
                sent += self.tamper(sent.pop(), frame)
                self.tampered += 1
                self.since = 0
            else:
                sent.append(frame)
        return sent


@asynccontextmanager
async def tampering_proxy(hub_url: str, tamper: Tamper) -> AsyncIterator[Proxy]:
    """A proxy in front of the hub at `hub_url`."""
    proxy = Proxy(tamper)
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            async with open_stream(hub_url + path) as stream:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
                writer.write(checkpoint_frame(stream.last_event_id.encode(), 100))
                rest = b""
                while data := await stream.read():
                    *frames, rest = (rest + data).split(b"\n\n")
                    writer.writelines(proxy.pass_on([frame + b"\n\n" for frame in frames]))
                    await writer.drain()
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield proxy
        await cancel_and_wait(serving)
