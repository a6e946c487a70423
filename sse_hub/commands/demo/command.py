"""
`sse-hub demo`.

    options --> publish_demo(), until SIGTERM or SIGINT
"""

import asyncio
import os
from collections.abc import Callable

import click

from sse_hub.commands.demo import publish_demo
from sse_hub.commands.options import LOCAL_REDIS, redis_url_option
from sse_hub.config import Config
from sse_hub.errors import HubError
from sse_hub.redis_url import without_password
from sse_hub.server.process import Shutdown, log_to_stderr, run
from sse_hub.tasks import cancel_and_wait


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@redis_url_option
def demo(redis_url: str | None) -> None:
    """Publish demo lines: a loguru log, a shop with traces and stack traces, numbers, CPU load. Ctrl-C stops it."""
    try:
        config = Config.read({"redis_url": redis_url}, os.environ)
    except HubError as error:
        raise click.ClickException(str(error)) from None
    log_to_stderr(config)
    url = config.redis_url or LOCAL_REDIS
    announcement = f"Publishing to {without_password(url)} on log, shop.api, shop.orders, shop.mail, cpu and numbers."
    run(_publish_until_stopped(url, lambda: click.echo(announcement)))


async def _publish_until_stopped(redis_url: str, announce: Callable[[], None]) -> None:
    stopping = asyncio.create_task(Shutdown().requested.wait())
    announce()
    publishing = asyncio.create_task(publish_demo(redis_url))
    await asyncio.wait((stopping, publishing), return_when=asyncio.FIRST_COMPLETED)
    if publishing.done():
        publishing.result()
    await cancel_and_wait((stopping, publishing))
