"""
`sse-hub check`.

    options --> check_machine(), check_redis(), check_hub() --> a finding a line; exit status 0 or 1
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import click

from sse_hub.commands.check.hub import check_hub
from sse_hub.commands.check.machine import check_machine
from sse_hub.commands.check.redis import check_redis
from sse_hub.commands.check.result import CheckResult, CheckStatus
from sse_hub.commands.options import LOCAL_REDIS, bearer_headers, ingest_option, read_config, token_option


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
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
    config = read_config(redis_url, ingest)
    redis_at = config.redis_url or LOCAL_REDIS

    async def findings() -> AsyncGenerator[CheckResult, None]:
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
                worst = max(worst, int(finding.status is CheckStatus.FAILED))
        return worst

    raise SystemExit(asyncio.run(tell()))
