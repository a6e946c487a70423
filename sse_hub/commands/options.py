"""
Options and arguments that several commands share.

    --redis-url, --ingest, --token, channel names, hub URLs --> checked, or a click error that says what is wrong
    --token, SSE_HUB_TOKEN --> bearer_headers() --> the header of each request
"""

import os
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import click

from sse_hub.commands.shipping.encodings import TextEncoding, text_encoding
from sse_hub.config import Config
from sse_hub.errors import HubError, InvalidSetting, error_text
from sse_hub.formats.joining import Joiner, NewJoiner, StartJoiner
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
multiline_option = click.option(
    "--multiline", is_flag=True, help="Publish lines that belong together, such as a stack trace, as one."
)


def _regex(_context: click.Context, _option: click.Parameter, text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise click.BadParameter(f"{text!r} is not a regular expression: {error_text(error)}.") from None


multiline_start_option = click.option(
    "--multiline-start",
    default=None,
    callback=_regex,
    metavar="REGEX",
    help="Publish each line that matches REGEX together with the lines after it that do not.",
)


def _encoding(_context: click.Context, _option: click.Parameter, name: str | None) -> TextEncoding | None:
    try:
        return None if name is None else text_encoding(name)
    except InvalidSetting as error:
        raise click.BadParameter(str(error)) from None


encoding_option = click.option(
    "--encoding",
    default=None,
    callback=_encoding,
    metavar="NAME",
    help="The encoding of the text, such as gbk or latin-1; a byte order mark comes first.  [default: utf-8]",
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


def line_joiner(multiline: bool, start: re.Pattern[str] | None) -> NewJoiner | None:
    """What joins lines, by `--multiline` and `--multiline-start`; None if neither is set."""
    if start is not None:
        return lambda: StartJoiner(start)
    return Joiner if multiline else None


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
