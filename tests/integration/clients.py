"""
Clients that come back, as an EventSource does.

    pick() --> Client.read() --> its stream ends --> a pause --> pick(), with Last-Event-ID --> … --> the last line
"""

import asyncio
from collections.abc import Awaitable, Callable

from tests.integration.traffic import Publisher, is_last
from tests.rig import wait_until
from tests.sse import Event, open_stream


class Client:
    """
    Reads one channel over as many connections as it takes.

    `pick` gives the address of a hub. It waits as long as it is told, so it may come to a hub that is younger.
    `ends` has an entry for each stream that has ended, true where the hub ended it in good order.
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
        """How many streams it has opened."""
        return len(self.ends) + 1

    async def read(self) -> None:
        """Read to the last line of its publisher."""
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
                # Where nobody answers an EventSource tries again.
                continue
            self.ends.append(stream.ended_cleanly)
            if stream.last_event_id:
                headers = {"Last-Event-ID": stream.last_event_id}
            await asyncio.sleep((stream.decoder.retry_ms or 2000) / 1000)


def lines_later(publisher: Publisher, count: int) -> None:
    """Return when `count` more lines have come: so far back reaches the memory of a hub that was ready before."""
    begun = publisher.begun + count
    wait_until(lambda: publisher.begun > begun, "lines go on")
