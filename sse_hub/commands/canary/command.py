"""
`sse-hub canary`.

    options --> Plan --> watch() --> Report: exit status 0, 1 or 3
"""

import logging
import os

import click

from sse_hub.commands.canary import CanaryPlan, Report, run_canary
from sse_hub.commands.canary.lines import SMALLEST_BYTES
from sse_hub.commands.options import LOCAL_HUB, LOCAL_REDIS, channel_name, hub_urls, redis_url_option, token_option
from sse_hub.config import Config
from sse_hub.errors import HubError, InvalidSetting
from sse_hub.server.process import Shutdown, log_to_stderr, run


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--url",
    "urls",
    multiple=True,
    default=[LOCAL_HUB],
    callback=hub_urls,
    help="Address of a hub, or of a proxy before it. Repeatable: each reconnect takes the next.",
)
@redis_url_option
@click.option("--channel", default="canary", callback=channel_name, help="A channel on which nobody else publishes.")
@click.option("--rate", default=10, type=click.IntRange(1, 20_000), help="Lines a second.")
@click.option("--size", default=200, type=click.IntRange(SMALLEST_BYTES, 1_000_000), help="Bytes of a line.")
@click.option("--clients", default=1, type=click.IntRange(1, 1000), help="Readers.")
@click.option("--seconds", default=10.0, type=click.FloatRange(0, min_open=True), help="How long to publish.")
@click.option("--forever", is_flag=True, help="Publish until SIGINT or SIGTERM.")
@click.option(
    "--every", default=10.0, type=click.FloatRange(0, min_open=True), help="Seconds between reports with --forever."
)
@click.option(
    "--reconnect-every",
    default=0.0,
    type=click.FloatRange(0),
    help="Each reader cuts its connection about every so many seconds; 0 is never.",
)
@click.option(
    "--drain",
    default=10.0,
    type=click.FloatRange(0),
    help="Seconds to wait for Redis and the hub at the start, and for the last lines at the end.",
)
@token_option
@click.option("--json", "as_json", is_flag=True, help="Each report as one JSON object.")
def canary(
    urls: tuple[str, ...],
    redis_url: str | None,
    channel: str,
    rate: int,
    size: int,
    clients: int,
    seconds: float,
    forever: bool,
    every: float,
    reconnect_every: float,
    drain: float,
    token: str | None,
    as_json: bool,
) -> None:
    """
    Publish numbered lines, read them back, and report what got lost, doubled, mixed up or changed on the way.

    Exit status: 0 all is well, 1 something is wrong, 3 lines were lost and a gap told of each, 2 an option is wrong.
    """
    try:
        config = Config.read({"redis_url": redis_url}, os.environ)
    except HubError as error:
        raise click.UsageError(str(error)) from None
    plan = CanaryPlan(
        urls=urls,
        redis_url=config.redis_url or LOCAL_REDIS,
        channel=channel,
        lines_per_second=rate,
        line_bytes=size,
        clients=clients,
        seconds=None if forever else seconds,
        every_seconds=every if forever else None,
        reconnect_every_seconds=reconnect_every,
        drain_seconds=drain,
        token=token or None,
    )
    log_to_stderr(config)
    # It has a line for each request.
    logging.getLogger("httpx").setLevel(logging.WARNING)

    def say(report: Report) -> None:
        click.echo(report.json() if as_json else report.text())

    async def watched() -> Report:
        return await run_canary(plan, Shutdown().requested, say)

    try:
        report = run(watched())
    except InvalidSetting as error:
        raise click.UsageError(str(error)) from None
    except HubError as error:
        raise click.ClickException(str(error)) from None
    say(report)
    raise SystemExit(report.exit_status)
