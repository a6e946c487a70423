"""
The list of channels that `GET /channels` gives, made a slice at a time and kept for a second.

    ChannelRegistry --> ChannelList.rows(readable): one JSON object for each channel, sorted by name
"""

import asyncio
import time
from collections.abc import Sequence

import orjson

from sse_hub.hub.registry import ChannelRegistry
from sse_hub.protocol.selection import Selection

# A list of more channels than this is made at most once a second.
LONG_LIST = 500
STEP = 250


class ChannelList:
    """The channels of `registry` as JSON."""

    def __init__(self, registry: ChannelRegistry) -> None:
        self._registry = registry
        self._rows: dict[str, bytes] = {}
        self._made_at = float("-inf")
        self._making = asyncio.Lock()

    async def rows(self, readable: Selection) -> list[bytes]:
        """A JSON object for each known channel that a pattern of `readable` matches."""
        async with self._making:
            # Those who wait meanwhile share the list.
            if len(self._rows) <= LONG_LIST or time.monotonic() - self._made_at > 1:
                await self._make_rows()
        rows = self._rows
        if readable.patterns == ("*",) and readable.visible is None:
            return list(rows.values())
        names = set(await self._registry.names.matching(readable))
        return [row for name, row in rows.items() if name in names]

    async def _make_rows(self) -> None:
        names = await self._sorted_names()
        rows: dict[str, bytes] = {}
        for start in range(0, len(names), STEP):
            async with self._registry.names.fair_lock:
                for name in names[start : start + STEP]:
                    if channel := self._registry.get(name.encode()):
                        rows[name] = orjson.dumps(channel.directory_entry())
        self._rows, self._made_at = rows, time.monotonic()

    async def _sorted_names(self) -> Sequence[str]:
        async with self._registry.names.fair_lock:
            return sorted(self._registry.channel_names())
