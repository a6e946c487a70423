"""
`sse-hub publish`.

    options --> Plan --> publish() --> Tally: exit status 0, or 1 and what was not published
"""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from urllib.parse import urlsplit

import click

from sse_hub.config import Config
from sse_hub.errors import HubError, InvalidSetting
from sse_hub.pipe.run import Plan, Tally
from sse_hub.pipe.run import publish as publish_lines
from sse_hub.selection import is_channel
from sse_hub.serve import log_to_stderr, run

REDIS_URL = "redis://127.0.0.1:6379/0"


def _channel(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if not is_channel(name):
        raise click.BadParameter(f"{name!r} is not the name of a channel that a hub serves.")
    return name


def _fields(_context: click.Context, _option: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    fields = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{pair!r} is not FIELD=VALUE.")
        fields[name] = value
    return fields


def url_of_hub(_context: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    """A click callback: the address of a hub, checked."""
    if url is None:
        return None
    try:
        parsed = urlsplit(url)
        good = parsed.scheme in ("http", "https") and bool(parsed.hostname) and parsed.port != 0
    except ValueError:
        good = False
    if not good:
        raise click.BadParameter(f"{url!r} is not a hub's address, such as http://127.0.0.1:8091.")
    return url


token_option = click.option(
    "--token", envvar="SSE_HUB_TOKEN", metavar="JWT", help="To sign in to the hub with (better: SSE_HUB_TOKEN)."
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("channel", callback=_channel)
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
    "--http", "url", default=None, callback=url_of_hub, metavar="URL", help="Publish through this hub, not Redis."
)
@token_option
@click.option(
    "--wait",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds to wait for Redis or the hub after the last line.",
)
@click.option(
    "--redis-url",
    default=None,
    metavar="URL",
    help=f"Where to publish (also REDIS_URL).  [default: {REDIS_URL}]",
)
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
    plan = Plan(
        channel=channel,
        redis_url=config.redis_url or REDIS_URL,
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


async def _published(plan: Plan) -> Tally:
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
