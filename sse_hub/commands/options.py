"""
What several of our commands take in the same words.

    --redis-url, --ingest, --token, names of channels, addresses of hubs --> checked, or click's word on what is wrong
"""

from urllib.parse import urlsplit

import click

from sse_hub.protocol.selection import is_channel

LOCAL_REDIS = "redis://127.0.0.1:6379/0"
LOCAL_HUB = "http://127.0.0.1:8091"

redis_url_option = click.option(
    "--redis-url",
    default=None,
    metavar="URL",
    help=f"Where to publish (also REDIS_URL).  [default: {LOCAL_REDIS}]",
)
ingest_option = click.option(
    "--ingest", multiple=True, metavar="PATTERN", help="As the hubs have it (also SSE_HUB_INGEST)."
)
token_option = click.option(
    "--token",
    envvar="SSE_HUB_TOKEN",
    show_default=False,
    metavar="JWT",
    help="To sign in to the hub with (better: SSE_HUB_TOKEN).",
)


def channel_name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    """A click callback: the name of a channel, checked."""
    if not is_channel(name):
        raise click.BadParameter(f"{name!r} is not the name of a channel that a hub serves.")
    return name


def hub_url(_context: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    """A click callback: the address of a hub, checked; None where it is left out."""
    if url is not None:
        _check(url)
    return url


def hub_urls(_context: click.Context, _option: click.Parameter, urls: tuple[str, ...]) -> tuple[str, ...]:
    """A click callback: the addresses of hubs, checked."""
    for url in urls:
        _check(url)
    return urls


def _check(url: str) -> None:
    try:
        parsed = urlsplit(url)
        good = parsed.scheme in ("http", "https") and bool(parsed.hostname) and parsed.port != 0
    except ValueError:
        good = False
    if not good:
        raise click.BadParameter(f"{url!r} is not a hub's address, such as {LOCAL_HUB}.")
