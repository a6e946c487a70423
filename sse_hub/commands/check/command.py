"""The commands `sse-hub check`, `sse-hub top` and `sse-hub redis-acl`, as words and options."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import click
import httpx

from sse_hub.broker.acl import account, hub_rules, publisher_rules
from sse_hub.commands.check.finding import Finding, Grade
from sse_hub.commands.check.hub import check_hub
from sse_hub.commands.check.machine import check_machine
from sse_hub.commands.check.redis import check_redis
from sse_hub.commands.credential import bearer_headers
from sse_hub.commands.options import LOCAL_HUB, LOCAL_REDIS, ingest_option, token_option
from sse_hub.commands.top import HubStatus, fetch_status, render
from sse_hub.config import Config
from sse_hub.errors import HubError

HELP = {"help_option_names": ["-h", "--help"]}
CLEAR = "\x1b[H\x1b[J"


def _settings(redis_url: str | None, ingest: tuple[str, ...]) -> Config:
    try:
        return Config.read({"redis_url": redis_url, "ingest": " ".join(ingest) or None}, os.environ)
    except HubError as error:
        raise click.UsageError(str(error)) from None


@click.command(context_settings=HELP)
@click.option("--redis-url", default=None, metavar="URL", help=f"As the hub has it.  [default: {LOCAL_REDIS}]")
@ingest_option
@click.option("--url", default=None, metavar="URL", help="A hub, or the proxy before it, as its clients see it.")
@click.option("--channel", default="check", show_default=True, help="For a line to be published, with --url.")
@token_option
def check(redis_url: str | None, ingest: tuple[str, ...], url: str | None, channel: str, token: str | None) -> None:
    """
    Tell what is wrong with a set-up: Redis, rights, limits, and with --url the way through a proxy.

    Exit status: 0 nothing that does not work, 1 something, 2 an option is wrong.
    """
    config = _settings(redis_url, ingest)
    redis_at = config.redis_url or LOCAL_REDIS

    async def findings() -> AsyncGenerator[Finding, None]:
        for finding in check_machine():
            yield finding
        async for finding in check_redis(redis_at, config.ingest):
            yield finding
        if url:
            async for finding in check_hub(url, redis_at, channel, bearer_headers(token)):
                yield finding

    async def tell() -> int:
        worst = 0
        async with aclosing(findings()) as found:
            async for finding in found:
                click.echo(finding.line)
                worst = max(worst, int(finding.grade is Grade.BAD))
        return worst

    raise SystemExit(asyncio.run(tell()))


@click.command(context_settings=HELP)
@click.option("--url", default=LOCAL_HUB, show_default=True, help="The hub.")
@click.option("--every", default=1.0, show_default=True, type=click.FloatRange(0.2), help="Seconds between two looks.")
@click.option("--once", is_flag=True, help="Print once, and end.")
@token_option
def top(url: str, every: float, once: bool, token: str | None) -> None:
    """Show a hub's channels, rates, streams and lag, live. Ctrl-C ends it."""

    async def watch() -> None:
        before: HubStatus | None = None
        async with httpx.AsyncClient(base_url=url, headers=bearer_headers(token), timeout=5.0) as client:
            while True:
                now = await fetch_status(client)
                if once and before is None:
                    # A rate is the difference of two looks.
                    before = now
                    await asyncio.sleep(every)
                    continue
                width, height = shutil.get_terminal_size()
                lines = render(now, before, every, width, height - 1 if not once else 10_000)
                click.echo(("" if once else CLEAR) + "\n".join(lines))
                if once:
                    return
                before = now
                await asyncio.sleep(every)

    try:
        asyncio.run(watch())
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise click.ClickException(f"{url} can't be watched: {error or type(error).__name__}") from None
    except KeyboardInterrupt:
        pass


@click.command(name="redis-acl", context_settings=HELP)
@ingest_option
@click.option("--publish", multiple=True, metavar="PATTERN", help="Channels of the publishers.  [default: as --ingest]")
@click.option("--hub-user", default="hub", show_default=True)
@click.option("--publisher-user", default="publisher", show_default=True)
@click.option("--aclfile", is_flag=True, help="Lines for an aclfile or redis.conf, not commands for redis-cli.")
def redis_acl(
    ingest: tuple[str, ...], publish: tuple[str, ...], hub_user: str, publisher_user: str, aclfile: bool
) -> None:
    """
    Make accounts for Redis: one for hubs, one for publishers, each with what it needs and a new password.

    The accounts go to the standard output, with digests of the passwords; the passwords to the standard error.
    """
    config = _settings(None, ingest)
    try:
        rules = {hub_user: hub_rules(config.ingest), publisher_user: publisher_rules(publish or config.ingest)}
    except HubError as error:
        raise click.UsageError(str(error)) from None
    for line in _accounts(rules, aclfile):
        click.echo(line)
    click.echo("# Last, once an account of yours with all rights is there: ACL SETUSER default off", err=True)


def _accounts(rules: dict[str, str], aclfile: bool) -> Iterator[str]:
    for name, its_rules in rules.items():
        password = secrets.token_urlsafe(24)
        click.echo(f"# redis://{name}:{password}@HOST:6379/0", err=True)
        made = account(name, password, its_rules)
        yield made.line if aclfile else made.command
