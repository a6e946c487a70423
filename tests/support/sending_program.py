"""
The sending half of alerts alone, in a process of its own: `python -m tests.support.sending_program REDIS LEASE TABLES`.

TABLES is JSON, destinations by name. It sends what is in the outbox, as a recorder with this LEASE would.
"""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.destinations.parse import parse_destination
from sse_hub.alerts.outbox import Outbox
from sse_hub.alerts.sender import Sender
from sse_hub.hub.counters import Counters
from sse_hub.tasks import cancel_and_wait
from tests.support.alert_outbox import KEYS


class Nowhere:
    """In place of the channel of alerts, which needs a hub: a destination that takes everything."""

    kind = "channel"
    at_once = 100

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    async def send(self, alerts: Sequence[Alert]) -> None:
        self.alerts += alerts

    async def close(self) -> None:
        pass


@asynccontextmanager
async def sending(
    redis_url: str, lease: str | Callable[[], str | None], tables: Mapping[str, Mapping[str, Any]]
) -> AsyncIterator[tuple[Sender, Counters, Nowhere]]:
    """A sender that runs in the block, and holds `lease`, or what that returns."""
    commands = redis.asyncio.Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0), socket_timeout=2)
    counters, channel = Counters(), Nowhere()
    held = lease if callable(lease) else lambda: lease
    sender = Sender(Outbox(commands, KEYS), channel, counters, held, asyncio.Event())
    sender.use({name: parse_destination(name, table, {}) for name, table in tables.items()})
    task = asyncio.create_task(sender.run())
    try:
        yield sender, counters, channel
    finally:
        await cancel_and_wait([task])
        await commands.aclose()


async def main() -> None:
    async with sending(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])):
        await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    asyncio.run(main())
