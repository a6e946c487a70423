"""
`sse-hub publish`.

    options --> PublishPlan --> publish() --> PublishResult: exit status 0, or 1 and what was not published
"""

import asyncio
import os
import signal
import sys
from dataclasses import replace

import click

from sse_hub.commands.options import (
    LOCAL_REDIS,
    channel_name,
    encoding_option,
    hub_url,
    read_config,
    redis_url_option,
    token_option,
)
from sse_hub.commands.publish.run import PublishPlan, PublishResult
from sse_hub.commands.publish.run import publish as publish_lines
from sse_hub.commands.shipping.encodings import TextEncoding
from sse_hub.errors import InvalidSetting
from sse_hub.server.process import log_to_stderr, run


def _fields(_context: click.Context, _option: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    fields = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{pair!r} is not FIELD=VALUE.")
        fields[name] = value
    return fields


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("channel", callback=channel_name)
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--tee",
    is_flag=True,
    help="Copy standard input to standard output, unbuffered: `app | sse-hub publish app --tee`",
)
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), default=None, help="Publish at most this many lines per second."
)
@click.option(
    "--json",
    "fields",
    multiple=True,
    callback=_fields,
    metavar="FIELD=VALUE",
    help='Add a field. A line that is not a JSON object becomes {"message": line}. Repeatable.',
)
@click.option(
    "--http", "url", default=None, callback=hub_url, metavar="URL", help="Publish through this hub instead of Redis."
)
@token_option
@encoding_option
@click.option(
    "--wait",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds to wait for Redis or the hub after the last line.",
)
@redis_url_option
def publish(
    channel: str,
    texts: tuple[str, ...],
    tee: bool,
    rate: float | None,
    fields: dict[str, str],
    url: str | None,
    token: str | None,
    encoding: TextEncoding | None,
    wait: float,
    redis_url: str | None,
) -> None:
    """
    Publish the lines of standard input to CHANNEL, or each TEXT as a line.

    Exit status: 0 all lines were published, 1 some were not, and standard error reports how many.
    """
    config = read_config(redis_url)
    plan = PublishPlan(
        channel=channel,
        redis_url=config.redis_url or LOCAL_REDIS,
        url=url,
        token=token,
        texts=texts,
        tee=tee,
        lines_per_second=rate,
        fields=fields,
        encoding=encoding,
        wait_seconds=wait,
    )
    log_to_stderr(replace(config, log_level="warning"))
    try:
        result = run(_publish_until_stopped(plan))
    except InvalidSetting as error:
        raise click.UsageError(str(error)) from None
    if not result.complete:
        click.echo(f"sse-hub publish: {result.text()}", err=True)
    # The reading thread may wait forever, and nothing is buffered here.
    sys.stderr.flush()
    os._exit(0 if result.complete else 1)


async def _publish_until_stopped(plan: PublishPlan) -> PublishResult:
    stopping = asyncio.Event()
    interrupts = 0

    def interrupt() -> None:
        nonlocal interrupts
        interrupts += 1
        # Ctrl-C reaches the app too, which may print something before it exits; a second one is for this command.
        if interrupts > 1 or sys.stdin.isatty():
            stopping.set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, interrupt)
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    return await publish_lines(plan, stopping, 0, 1 if plan.tee else None)
