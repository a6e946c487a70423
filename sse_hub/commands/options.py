"""
Options and arguments that several commands share.

    --redis-url, --ingest, --token, channel names, hub URLs --> checked, or a click error that says what is wrong
    --token, SSE_HUB_TOKEN --> bearer_headers() --> the header of each request
"""

import os
from collections.abc import Sequence
from urllib.parse import urlsplit

import click

from sse_hub.config import Config
from sse_hub.errors import HubError
from sse_hub.protocol.selection import is_channel

LOCAL_REDIS = "redis://127.0.0.1:6379/0"
LOCAL_HUB = "http://127.0.0.1:8091"

redis_url_option = click.option(
    "--redis-url",
    default=None,
    metavar="URL",
    help=f"The Redis to publish to (also REDIS_URL).  [default: {LOCAL_REDIS}]",
)
ingest_option = click.option(
    "--ingest", multiple=True, metavar="PATTERN", help="Must match the hubs' --ingest (also SSE_HUB_INGEST)."
)
token_option = click.option(
    "--token",
    envvar="SSE_HUB_TOKEN",
    show_default=False,
    metavar="JWT",
    help="Token for the hub; prefer SSE_HUB_TOKEN.",
)


def channel_name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    """A click callback: checks a channel name."""
    if not is_channel(name):
        raise click.BadParameter(f"{name!r} is not a valid channel name.")
    return name


def hub_url(_context: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    """A click callback: checks the URL of a hub, if it is given."""
    if url is not None:
        _check(url)
    return url


def hub_urls(_context: click.Context, _option: click.Parameter, urls: tuple[str, ...]) -> tuple[str, ...]:
    """A click callback: checks the URLs of hubs."""
    for url in urls:
        _check(url)
    return urls


def read_config(redis_url: str | None = None, ingest: Sequence[str] = ()) -> Config:
    """The settings from the environment and these options, which come first. Raises click.UsageError."""
    try:
        return Config.read({"redis_url": redis_url, "ingest": " ".join(ingest) or None}, os.environ)
    except HubError as error:
        raise click.UsageError(str(error)) from None


def bearer_headers(token: str | None) -> dict[str, str]:
    """The headers of requests that sign in with `token`; none without a token."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def _check(url: str) -> None:
    # Here, since a command without a hub's URL needs no httpx.
    import httpx

    try:
        # It also refuses a host that is no name in any language.
        httpx.URL(url)
        parsed = urlsplit(url)
        valid = parsed.scheme in ("http", "https") and bool(parsed.hostname) and parsed.port != 0
    except (ValueError, httpx.InvalidURL):
        valid = False
    if not valid:
        raise click.BadParameter(f"{url!r} is not the URL of a hub, such as {LOCAL_HUB}.")
