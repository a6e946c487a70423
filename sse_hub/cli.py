"""
The `sse-hub` command. `sse-hub serve` and `python run.py` are the same thing.

    options and SSE_HUB_* --> Config.read() --> serve() or supervise()         HubError --> its message, exit status 1
"""

import os
from collections.abc import Callable
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

import click

from sse_hub import __version__
from sse_hub.config import Config
from sse_hub.errors import HubError
from sse_hub.serve import log_to_stderr, publish_until_stopped, run
from sse_hub.serve import serve as serve_hub
from sse_hub.supervisor import supervise


def _config_options(command: Callable[..., None]) -> Callable[..., None]:
    for each in reversed(fields(Config)):
        default = " ".join(each.default) if isinstance(each.default, tuple) else each.default
        note = "" if each.default in (None, False) else f"  [default: {default}]"
        kind: dict[str, Any] = {"metavar": each.name.rsplit("_")[-1].upper()}
        if each.default is False:
            kind = {"is_flag": True, "flag_value": "true", "default": None, "type": str}
        elif each.name == "ingest":
            kind = {"multiple": True, "metavar": "PATTERN"}
        option = click.option("--" + each.name.replace("_", "-"), each.name, help=each.metadata["help"] + note, **kind)
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """A live log hub: PUBLISH lines to Redis, watch them in the browser, read them over Server-Sent Events."""


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@_config_options
def serve(ingest: tuple[str, ...], **options: str | None) -> None:
    """
    Run the hub.

    Every option can be set by an environment variable too: --ring-lines is SSE_HUB_RING_LINES.
    """
    try:
        config = Config.read({**options, "ingest": " ".join(ingest) or None}, os.environ)
        log_to_stderr(config.log_level)
        run(serve_hub(config, _announce) if config.workers == 1 else supervise(config, _announce))
    except HubError as error:
        raise click.ClickException(str(error)) from None


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--redis-url", default=None, metavar="URL", help="Where to publish.  [default: redis://127.0.0.1:6379/0]")
def demo(redis_url: str | None) -> None:
    """Publish demo lines: loguru, a shop with traces and stack traces, numbers, CPU load. Ctrl-C ends it."""
    try:
        config = Config.read({"redis_url": redis_url}, os.environ)
    except HubError as error:
        raise click.ClickException(str(error)) from None
    log_to_stderr("info")
    url = config.redis_url or "redis://127.0.0.1:6379/0"
    said = f"Publishing to {_without_password(url)} on log, shop.api, shop.orders, shop.mail, cpu and numbers."
    run(publish_until_stopped(url, lambda: click.echo(said)))


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
