"""
Clients that reconnect as an EventSource does.

    pick() --> read() --> the stream ends --> a pause --> pick(), with Last-Event-ID --> … --> the last line
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.support.load import is_last
from tests.support.servers import HubProcess, RedisServer
from tests.support.sse_client import Event, Stream, open_stream

# More than the kernel buffers for one connection.
LARGE_LINES, LARGE_BYTES = 20, 500_000


class ReconnectingClient:
    """
    Reads one channel over as many connections as it takes.

    `pick` returns the address of a hub. The client waits for the `retry:` it got, so it may reach a newer hub.
    `ends` has an entry for each ended stream, true if the hub ended it cleanly.
    """

    def __init__(self, pick: Callable[[], Awaitable[str]], channel: str) -> None:
        self.opened = asyncio.Event()
        self.events: list[Event] = []
        self.ends: list[bool] = []
        self.statuses: set[int] = set()
        self._pick = pick
        self._channel = channel

    @property
    def connects(self) -> int:
        """The number of streams it has opened."""
        return len(self.ends) + 1

    async def read(self) -> None:
        """Read up to the last line of the publisher."""
        headers: dict[str, str] = {}
        while True:
            url = f"{await self._pick()}/message?channel={self._channel}"
            try:
                async with open_stream(url, headers) as stream:
                    self.opened.set()
                    self.statuses.add(stream.status)
                    async for event in stream:
                        self.events.append(event)
                        if is_last(event):
                            return
            except (OSError, EOFError):
                # An EventSource retries when nobody answers.
                continue
            self.ends.append(stream.ended_cleanly)
            if stream.last_event_id:
                headers = {"Last-Event-ID": stream.last_event_id}
            await asyncio.sleep((stream.decoder.retry_ms or 2000) / 1000)


@asynccontextmanager
async def beside_stuck_client(server: RedisServer, hub: HubProcess, channel: str) -> AsyncIterator[Stream]:
    """A client of `hub` that has received some large lines, beside a second client that reads nothing of them."""
    url = f"{hub.url}/message?channel={channel}"
    async with open_stream(url, receive_buffer_bytes=4096), open_stream(url) as reader:
        with server.publisher() as client:
            for _ in range(LARGE_LINES):
                client.publish(channel, "x" * LARGE_BYTES)
        await reader.take(LARGE_LINES)
        yield reader
