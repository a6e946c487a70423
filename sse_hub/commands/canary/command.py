"""
`sse-hub canary`.

    options --> CanaryPlan --> run_canary() --> Report: exit status 0, 1 or 3
"""

import logging

import click

from sse_hub.commands.canary import CanaryPlan, Report, run_canary
from sse_hub.commands.canary.lines import MIN_LINE_BYTES
from sse_hub.commands.options import (
    LOCAL_HUB,
    LOCAL_REDIS,
    channel_name,
    hub_urls,
    read_config,
    redis_url_option,
    token_option,
)
from sse_hub.errors import HubError, InvalidSetting
from sse_hub.server.process import Shutdown, log_to_stderr, run


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--url",
    "urls",
    multiple=True,
    default=[LOCAL_HUB],
    callback=hub_urls,
    help="URL of a hub, or of a proxy in front of it. Repeatable: each reconnect uses the next one.",
)
@redis_url_option
@click.option("--channel", default="canary", callback=channel_name, help="A channel on which nothing else publishes.")
@click.option("--rate", default=10, type=click.IntRange(1, 20_000), help="Lines per second.")
@click.option("--size", default=200, type=click.IntRange(MIN_LINE_BYTES, 1_000_000), help="Bytes per line.")
@click.option("--clients", default=1, type=click.IntRange(1, 1000), help="Number of readers.")
@click.option("--seconds", default=10.0, type=click.FloatRange(0, min_open=True), help="How many seconds to publish.")
@click.option("--forever", is_flag=True, help="Publish until stopped by SIGINT or SIGTERM.")
@click.option(
    "--every", default=10.0, type=click.FloatRange(0, min_open=True), help="Seconds between reports with --forever."
)
@click.option(
    "--reconnect-every",
    default=0.0,
    type=click.FloatRange(0),
    help="About how often, in seconds, each reader cuts its connection; 0 means never.",
)
@click.option(
    "--drain",
    default=10.0,
    type=click.FloatRange(0),
    help="Seconds to wait for Redis and the hub at startup, and for the last lines at the end.",
)
@token_option
@click.option("--json", "as_json", is_flag=True, help="Print each report as one JSON object.")
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
    Publish numbered lines, read them back, and report lost, duplicated, reordered and altered lines.

    Exit status: 0 all is well, 1 something is wrong, 3 lines were lost and gaps reported them, 2 an option is wrong.
    """
    config = read_config(redis_url)
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
    # httpx logs every request.
    logging.getLogger("httpx").setLevel(logging.WARNING)

    def print_report(report: Report) -> None:
        click.echo(report.json() if as_json else report.text())

    async def run_until_stopped() -> Report:
        return await run_canary(plan, Shutdown().requested, print_report)

    try:
        report = run(run_until_stopped())
    except InvalidSetting as error:
        raise click.UsageError(str(error)) from None
    except HubError as error:
        raise click.ClickException(str(error)) from None
    print_report(report)
    raise SystemExit(report.exit_status)
