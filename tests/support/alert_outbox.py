"""
The outbox of alerts, as a test fills it and looks at it, without rules.

    put(client, 3) --> their ids          marked(client, "ops") --> how far that destination is
"""

import asyncio
import base64
import itertools
from collections.abc import Callable
from typing import Any

import redis

from sse_hub.alerts.alert import Alert
from sse_hub.broker.keys import LogKeys, Partition
from tests.support.waiting import wait_until

KEYS = LogKeys(Partition(), "")
LEASE = "me 1"
SECRET_KEY = b"k" * 32
_numbers = itertools.count(1)


def put(client: redis.Redis, count: int = 1, id: str = "*", **others: Any) -> list[str]:
    """Put `count` alerts for the destination `ops` in, as entries `id`, and return the alerts' ids."""
    ids = []
    for _ in range(count):
        values: dict[str, Any] = {
            "id": f"{next(_numbers):032x}", "rule": "pay", "version": "1", "kind": "fired", "group": (), "text": "text",
            "count": 1, "channel": "shop", "first": "1-1", "last": "1-1", "moment_ms": 5, "level": "error",
            "to": ("ops",),
        }  # fmt: skip
        alert = Alert(**values | others)
        client.xadd(KEYS.alerts, {"a": alert.to_json()}, id=id)
        ids.append(alert.id)
    return ids


def marked(client: redis.Redis, name: str) -> str:
    """What is known of how far the destination `name` is."""
    text: Any = client.hget(KEYS.alert_sent, name)
    return (text or b"").decode()


def newest(client: redis.Redis) -> str:
    """The id of the last entry."""
    entries: Any = client.xrevrange(KEYS.alerts, count=1)
    return str(entries[0][0].decode())


def is_at(client: redis.Redis, name: str, entry_id: str) -> bool:
    """Whether the destination `name` is marked to have got the entry `entry_id`."""
    return marked(client, name).startswith(f"{entry_id} ")


def hook(url: str, **more: Any) -> dict[str, Any]:
    secret = "whsec_" + base64.b64encode(SECRET_KEY).decode()
    return {"kind": "webhook", "url": url, "secret": secret, "allow_private": True, "timeout": "1s", **more}


async def until(condition: Callable[[], bool], what: str) -> None:
    """As wait_until(), while tasks run."""
    await asyncio.to_thread(wait_until, condition, what)
