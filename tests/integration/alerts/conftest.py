"""A Redis with an outbox and without a hub."""

from collections.abc import Iterator

import pytest
import redis

from tests.support.alert_outbox import KEYS, LEASE
from tests.support.servers import RedisServer


@pytest.fixture
def outbox(module_server: RedisServer) -> Iterator[redis.Redis]:
    """A Redis with an empty outbox, whose lease is LEASE."""
    with module_server.client() as client:
        client.flushall()
        client.set(KEYS.lease, LEASE)
        yield client
