"""
Demo publishers: simulated programs that log, for a first look at the hub.

    log, shop, cpu, numbers:  steps (a line and the pause after it)  -->  DemoPublisher  -->  PUBLISH

The generators of steps never wait and don't know Redis; `DemoPublisher` does both for them. Each line is a JSON object.
"""

import asyncio
from contextlib import aclosing
from random import Random

from sse_hub.commands.demo.cpu import cpu_steps
from sse_hub.commands.demo.log import log_steps
from sse_hub.commands.demo.numbers import number_steps
from sse_hub.commands.demo.publisher import DemoPublisher
from sse_hub.commands.demo.shop import shop_steps
from sse_hub.commands.demo.step import utc_now

__all__ = ["publish_demo"]


async def publish_demo(redis_url: str) -> None:
    """Publish on `log`, `shop.api`, `shop.orders`, `shop.mail`, `cpu` and `numbers` until cancelled.

    It waits while Redis is unreachable. Raises InvalidSetting if `redis_url` is not a Redis URL.
    """
    publisher = DemoPublisher(redis_url)
    async with aclosing(publisher), asyncio.TaskGroup() as group:
        for steps in (
            log_steps(Random(), utc_now),
            # Two shops at once: as in a real one, the lines of several requests are interleaved.
            shop_steps(Random(), utc_now),
            shop_steps(Random(), utc_now),
            cpu_steps(),
            number_steps(),
        ):
            group.create_task(publisher.run(steps))
