"""
The `sse-hub` command. `sse-hub serve` and `python run.py` are the same thing.

    options and SSE_HUB_* --> Config.read() --> serve() or supervise()         HubError --> its message, exit status 1
"""

import logging
import os
from collections.abc import Callable
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

import click

from sse_hub import __version__
from sse_hub.access import check_access
from sse_hub.access.command import token as token_command
from sse_hub.canary import Plan, Report, watch
from sse_hub.canary.lines import SMALLEST_BYTES
from sse_hub.config import Config
from sse_hub.docker.command import docker
from sse_hub.errors import HubError, InvalidSetting
from sse_hub.ops.command import check, redis_acl, top
from sse_hub.options import LOCAL_HUB, LOCAL_REDIS, channel_name, hub_urls, redis_url_option, token_option
from sse_hub.pipe.command import publish
from sse_hub.serve import Stop, log_to_stderr, publish_until_stopped, run
from sse_hub.serve import serve as serve_hub
from sse_hub.ship.command import ship
from sse_hub.supervisor import supervise
from sse_hub.watch.command import watch as watch_stream


def _config_options(command: Callable[..., None]) -> Callable[..., None]:
    for each in reversed(fields(Config)):
        default = " ".join(each.default) if isinstance(each.default, tuple) else each.default
        note = "" if default in (None, False, "") else f"  [default: {default}]"
        kind: dict[str, Any] = {"metavar": each.name.partition("_per_")[0].rsplit("_")[-1].upper()}
        if each.default is False:
            kind = {"is_flag": True, "flag_value": "true", "default": None, "type": str}
        elif isinstance(each.default, tuple):
            kind["multiple"] = True
        option = click.option("--" + each.name.replace("_", "-"), each.name, help=each.metadata["help"] + note, **kind)
        command = option(command)
    return command


class _Main(click.Group):
    """The command, whose help tells the options of the hub itself too: they are what most look for."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Options of serve, each of them also as SSE_HUB_<OPTION>"):
            formatter.write_dl([record for each in serve.params if (record := each.get_help_record(ctx))])


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """A live log hub: PUBLISH lines to Redis, watch them in the browser, read them over Server-Sent Events."""


for each in (check, docker, publish, redis_acl, ship, token_command, top, watch_stream):
    main.add_command(each)


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@_config_options
def serve(**options: str | tuple[str, ...] | None) -> None:
    """
    Run the hub.

    Every option can be set by an environment variable too: --ring-lines is SSE_HUB_RING_LINES.
    """
    try:
        # Those that may be repeated come as a tuple, which is empty where they are not given.
        given = {
            name: (" ".join(each) if each else None) if isinstance(each, tuple) else each
            for name, each in options.items()
        }
        config = Config.read(given, os.environ)
        check_access(config)
        log_to_stderr(config)
        run(serve_hub(config, _announce) if config.workers == 1 else supervise(config, _announce))
    except HubError as error:
        raise click.ClickException(str(error)) from None


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@redis_url_option
def demo(redis_url: str | None) -> None:
    """Publish demo lines: loguru, a shop with traces and stack traces, numbers, CPU load. Ctrl-C ends it."""
    try:
        config = Config.read({"redis_url": redis_url}, os.environ)
    except HubError as error:
        raise click.ClickException(str(error)) from None
    log_to_stderr(config)
    url = config.redis_url or LOCAL_REDIS
    said = f"Publishing to {_without_password(url)} on log, shop.api, shop.orders, shop.mail, cpu and numbers."
    run(publish_until_stopped(url, lambda: click.echo(said)))


@main.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
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
    plan = Plan(
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
        return await watch(plan, Stop().asked, say)

    try:
        report = run(watched())
    except InvalidSetting as error:
        raise click.UsageError(str(error)) from None
    except HubError as error:
        raise click.ClickException(str(error)) from None
    say(report)
    raise SystemExit(report.exit_status)


def _without_password(url: str) -> str:
    parsed = urlsplit(url)
    return f"{parsed.scheme}://{parsed.netloc.rsplit('@')[-1]}{parsed.path}"


def _announce(config: Config) -> None:
    port = "" if (parsed := urlsplit(str(config.redis_url))).port in (None, 6379) else f" -p {parsed.port}"
    host = "" if parsed.hostname in (None, "127.0.0.1", "localhost") else f" -h {parsed.hostname}"
    # What listens on every address is opened on this machine's own.
    address = "127.0.0.1" if config.host in ("0.0.0.0", "::") else config.host
    address = f"[{address}]" if ":" in address else address
    click.echo(
        f"""
sse-hub {__version__} is running.

  Page     http://{address}:{config.port}/index
  Stream   curl -N 'http://{address}:{config.port}/message?channel=log'
  Redis    {_without_password(str(config.redis_url))}
  Try      redis-cli{host}{port} PUBLISH log '{{"level": "info", "message": "hello"}}'
"""
    )


if __name__ == "__main__":
    main()
