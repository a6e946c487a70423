"""
`sse-hub check`.

    options --> check_machine(), check_redis(), check_topology(), check_hub() --> a result per line; exit status 0 or 1
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import click

from sse_hub.commands.check.hub import check_hub
from sse_hub.commands.check.machine import check_machine
from sse_hub.commands.check.redis import check_redis
from sse_hub.commands.check.result import CheckResult, CheckStatus
from sse_hub.commands.check.topology import check_topology
from sse_hub.commands.options import LOCAL_REDIS, bearer_headers, ingest_option, read_config, token_option


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--redis-url", default=None, metavar="URL", help=f"The hub's Redis.  [default: {LOCAL_REDIS}]")
@ingest_option
@click.option("--url", default=None, metavar="URL", help="A hub, or the proxy in front of it, as clients see it.")
@click.option("--channel", default="check", show_default=True, help="With --url: the channel to publish a line on.")
@token_option
def check(redis_url: str | None, ingest: tuple[str, ...], url: str | None, channel: str, token: str | None) -> None:
    """
    Report what is wrong with an installation: Redis, rights, limits, and with --url the path through a proxy.

    Exit status: 0 nothing failed, 1 a check failed, 2 an option is wrong.
    """
    config = read_config(redis_url, ingest)
    redis_at = config.redis_url or LOCAL_REDIS

    async def results() -> AsyncGenerator[CheckResult, None]:
        for result in check_machine():
            yield result
        async for result in check_redis(redis_at, config.ingest):
            yield result
        async for result in check_topology(redis_at):
            yield result
        if url:
            async for result in check_hub(url, redis_at, channel, bearer_headers(token)):
                yield result

    async def run_checks() -> int:
        exit_status = 0
        async with aclosing(results()) as found:
            async for result in found:
                click.echo(result.line)
                exit_status = max(exit_status, int(result.status is CheckStatus.BAD))
        return exit_status

    raise SystemExit(asyncio.run(run_checks()))
