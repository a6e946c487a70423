"""
`sse-hub publish`.

    options --> Plan --> publish() --> Tally: exit status 0, or 1 and what was not published
"""

import asyncio
import os
import signal
import sys
from dataclasses import replace

import click

from sse_hub.commands.options import LOCAL_REDIS, channel_name, hub_url, redis_url_option, token_option
from sse_hub.commands.publish.run import PublishPlan, PublishResult
from sse_hub.commands.publish.run import publish as publish_lines
from sse_hub.config import Config
from sse_hub.errors import HubError, InvalidSetting
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
    "--tee", is_flag=True, help="Pass the standard input through, unbuffered: `app | sse-hub publish app --tee`."
)
@click.option("--rate", type=click.FloatRange(0, min_open=True), default=None, help="At most so many lines a second.")
@click.option(
    "--json",
    "fields",
    multiple=True,
    callback=_fields,
    metavar="FIELD=VALUE",
    help='Add a field. A line that is no JSON object becomes {"message": line}. Repeatable.',
)
@click.option(
    "--http", "url", default=None, callback=hub_url, metavar="URL", help="Publish through this hub, not Redis."
)
@token_option
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
    wait: float,
    redis_url: str | None,
) -> None:
    """
    Publish the lines of the standard input to CHANNEL, or each TEXT as a line.

    Exit status: 0 all was published, 1 some was not, and the standard error says how much.
    """
    try:
        config = Config.read({"redis_url": redis_url}, os.environ)
    except HubError as error:
        raise click.UsageError(str(error)) from None
    plan = PublishPlan(
        channel=channel,
        redis_url=config.redis_url or LOCAL_REDIS,
        url=url,
        token=token,
        texts=texts,
        tee=tee,
        lines_per_second=rate,
        fields=fields,
        wait_seconds=wait,
    )
    log_to_stderr(replace(config, log_level="warning"))
    try:
        tally = run(_published(plan))
    except InvalidSetting as error:
        raise click.UsageError(str(error)) from None
    if not tally.whole:
        click.echo(f"sse-hub publish: {tally.text()}", err=True)
    # The thread that reads may wait for ever, and nothing is buffered here.
    sys.stderr.flush()
    os._exit(0 if tally.whole else 1)


async def _published(plan: PublishPlan) -> PublishResult:
    stopping = asyncio.Event()
    interrupts = 0

    def interrupt() -> None:
        nonlocal interrupts
        interrupts += 1
        # A Ctrl-C reaches the app too, which may have something to say before it ends; a second one is for us.
        if interrupts > 1 or sys.stdin.isatty():
            stopping.set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, interrupt)
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    return await publish_lines(plan, stopping, 0, 1 if plan.tee else None)
