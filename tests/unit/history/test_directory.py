"""The directory of recorded channels, which many requests read at the same time."""

import asyncio

import pytest
import redis.asyncio

from sse_hub.broker.keys import LogKeys, Partition
from sse_hub.errors import LogUnavailable
from sse_hub.history.directory import ChannelDirectory
from sse_hub.hub.name_index import NameIndex
from tests.support.servers import free_port


async def test_r3_a_request_between_the_end_of_a_read_and_its_callbacks_starts_the_next_read() -> None:
    """It once waited for the read that had ended, again and again, and no callback could run any more."""
    async with redis.asyncio.Redis(port=free_port()) as nobody:
        directory = ChannelDirectory(nobody, LogKeys.of(Partition(), ["*"]), NameIndex(), lambda *_: None)
        ended = asyncio.create_task(asyncio.sleep(0))
        await ended
        directory._reading = ended

        with pytest.raises(LogUnavailable):
            await directory.read(1)
