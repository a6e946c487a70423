import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from logging.handlers import QueueHandler

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from sse_hub.commands.demo import publish_demo
from sse_hub.commands.demo.publisher import DemoPublisher
from sse_hub.commands.demo.step import Step, Steps
from sse_hub.errors import InvalidSetting
from tests.support.programs import valkey_binary
from tests.support.servers import free_port, redis_server
from tests.support.settings import DEADLINE_SECONDS, STOP_SECONDS

CHANNELS = {"log", "shop.api", "shop.orders", "shop.mail", "cpu", "numbers"}


@asynccontextmanager
async def demo(redis_url: str) -> AsyncIterator[None]:
    """The demo in the background. AssertionError if it ended by itself, or does not end when stopped."""
    task = asyncio.create_task(publish_demo(redis_url))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        ended, _ = await asyncio.wait([task], timeout=STOP_SECONDS)
        assert ended and task.cancelled()


@asynccontextmanager
async def subscription(redis_url: str) -> AsyncIterator[PubSub]:
    """A subscription to every channel, confirmed when the block is entered."""
    async with Redis.from_url(redis_url) as client, client.pubsub() as pubsub:
        await pubsub.psubscribe("*")
        assert await pubsub.get_message(timeout=DEADLINE_SECONDS)
        yield pubsub


async def lines(pubsub: PubSub) -> AsyncIterator[tuple[str, str]]:
    """Channel and line of each published line."""
    async for message in pubsub.listen():
        yield message["channel"].decode(), message["data"].decode()


async def channels_heard(redis_url: str) -> set[str]:
    """The channels with lines, as soon as all demo channels have some. All lines must be JSON objects."""
    heard: set[str] = set()
    async with asyncio.timeout(DEADLINE_SECONDS), subscription(redis_url) as pubsub:
        async for channel, line in lines(pubsub):
            assert isinstance(json.loads(line), dict)
            heard.add(channel)
            if heard >= CHANNELS:
                break
    return heard


@contextmanager
def told_by_publisher() -> Iterator[asyncio.Queue[logging.LogRecord]]:
    """The publisher's log messages for an operator, as they appear."""
    told: asyncio.Queue[logging.LogRecord] = asyncio.Queue()
    handler = QueueHandler(told)
    logger = logging.getLogger("sse_hub.commands.demo.publisher")
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield told
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


async def test_the_demo_publishes_on_six_channels() -> None:
    with redis_server(valkey_binary()) as server:
        async with demo(server.url):
            assert await channels_heard(server.url) == CHANNELS


async def test_the_demo_continues_after_redis_was_killed_and_restarted() -> None:
    with told_by_publisher() as told, redis_server(valkey_binary()) as server:
        async with demo(server.url):
            await channels_heard(server.url)

            server.process.kill()
            server.process.wait()
            async with asyncio.timeout(DEADLINE_SECONDS):
                lost = await told.get()
            with redis_server(valkey_binary(), server.port):
                assert await channels_heard(server.url) == CHANNELS

        back = told.get_nowait()

    assert (lost.levelname, back.levelname) == ("WARNING", "INFO")
    assert lost.getMessage().startswith("Redis is unreachable")
    assert back.getMessage().startswith("Redis is reachable again")


async def test_the_demo_waits_for_a_redis_that_starts_later() -> None:
    port = free_port()
    with told_by_publisher() as told:
        async with demo(f"redis://127.0.0.1:{port}/0"):
            async with asyncio.timeout(DEADLINE_SECONDS):
                lost = await told.get()
            with redis_server(valkey_binary(), port) as server:
                assert await channels_heard(server.url) == CHANNELS

    assert lost.getMessage().startswith("Redis is unreachable")
    assert told.qsize() == 1, "one message when Redis is back, none for the attempts before"


async def test_the_demo_stops_at_once_while_redis_is_down() -> None:
    with told_by_publisher() as told:
        async with demo(f"redis://127.0.0.1:{free_port()}/0"):
            async with asyncio.timeout(DEADLINE_SECONDS):
                await told.get()


async def test_the_demo_refuses_a_url_that_is_not_a_redis_url() -> None:
    with pytest.raises(InvalidSetting, match="must be redis://"):
        await publish_demo("http://127.0.0.1")


async def test_a_burst_of_the_demo_arrives_complete_and_in_order() -> None:
    def burst() -> Steps:
        for n in range(400):
            yield Step("burst", f'{{"n": {n}}}', 0.0)

    with redis_server(valkey_binary()) as server:
        async with subscription(server.url) as pubsub, aclosing(DemoPublisher(server.url)) as publisher:
            await publisher.run(burst())

            async with asyncio.timeout(DEADLINE_SECONDS):
                arrived = [line async for line in lines_until(pubsub, '{"n": 399}')]

    assert arrived == [f'{{"n": {n}}}' for n in range(400)]


async def lines_until(pubsub: PubSub, last: str) -> AsyncIterator[str]:
    async for _, line in lines(pubsub):
        yield line
        if line == last:
            return


def test_the_log_demo_prints_nothing_on_the_terminal() -> None:
    program = (
        "from itertools import islice; from random import Random; from sse_hub.commands.demo.log import log_steps;"
        "from sse_hub.commands.demo.step import utc_now;"
        "assert len(list(islice(log_steps(Random(1), utc_now), 300))) == 300"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE_SECONDS)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
