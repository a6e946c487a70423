"""
`sse-hub watch`.

    options --> StreamFollower --> Printer --> stdout          Ctrl-C --> the position, on stderr
"""

import asyncio
import json
import logging
import os
import shlex
import sys
from contextlib import suppress
from datetime import UTC, datetime

import click

from sse_hub.commands.options import LOCAL_HUB, hub_url, token_option
from sse_hub.commands.watch.filter_text import filter_text
from sse_hub.commands.watch.follower import StreamFollower
from sse_hub.commands.watch.printer import LineFormatter
from sse_hub.commands.watch.sanitize import sanitize_json, sanitize_line
from sse_hub.errors import HubError, InvalidRequest, InvalidSetting
from sse_hub.formats.reader import read_line
from sse_hub.protocol.selection import Selection
from sse_hub.server.process import Shutdown, run
from sse_hub.tasks import cancel_and_wait


class Printer:
    """Writes to standard output; `closed` is set once nothing reads it any more."""

    def __init__(self, formatter: LineFormatter, as_json: bool) -> None:
        self.closed = asyncio.Event()
        self._formatter = formatter
        self._as_json = as_json

    def line(self, channel: str, line: str, moment: int) -> None:
        """Print a line of `channel`, which came at `moment` (ms since the epoch)."""
        if self._as_json:
            self._write(sanitize_json(line))
        else:
            self._write(self._formatter.line(read_line(line, moment), channel, moment))

    def gap(self, gap: dict[str, object]) -> None:
        """Print a notice of lines that can't be recovered."""
        self._write(
            sanitize_json(json.dumps({"@gap": gap}, ensure_ascii=False)) if self._as_json else self._formatter.gap(gap)
        )

    def _write(self, text: str) -> None:
        if self.closed.is_set():
            return
        try:
            sys.stdout.buffer.write((text + "\n").encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            self.closed.set()
            # So that the interpreter can flush standard output when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _channels(_context: click.Context, _option: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        Selection.parse(names)
    except InvalidRequest as error:
        raise click.BadParameter(str(error)) from None
    return names


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("channels", nargs=-1, required=True, callback=_channels, metavar="CHANNEL...")
@click.option("--url", default=LOCAL_HUB, show_default=True, callback=hub_url, help="URL of the hub.")
@token_option
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="FILTER",
    help="Only lines that match, which the hub chooses, in the language of the page: 'level>=warn user=u7 "
    '-path~^/health "time out"\'. Words alone are one text, in any case. Repeatable: all must match.',
)
@click.option(
    "--since", default=None, help="Start after an id, at a time (2026-11-21T03:50:18Z) or a duration ago (-15m)."
)
@click.option("--json", "as_json", is_flag=True, help="Print lines unchanged, one JSON object each.")
def watch(
    channels: tuple[str, ...], url: str, token: str | None, filters: tuple[str, ...], since: str | None, as_json: bool
) -> None:
    """
    Show the lines of channels live. CHANNEL may be a quoted pattern ('shop.*').

    Ctrl-C stops it and prints the command to resume from that point.
    """
    try:
        now = datetime.now().astimezone()
        filter = filter_text(filters, now.timestamp() * 1000, now.tzinfo or UTC)
    except InvalidSetting as error:
        raise click.UsageError(str(error)) from None
    # https://no-color.org
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    formatter = LineFormatter(colours, channels=len(channels) > 1 or any("*" in channel for channel in channels))
    logging.basicConfig(level=logging.WARNING)
    printer = Printer(formatter, as_json)

    def notify(text: str) -> None:
        click.echo(LineFormatter(False, False).notice(text), err=True)

    query = {"q": filter, "zone": now.isoformat()[-6:]} if filter else {}
    follower = StreamFollower(url, channels, since, printer.line, printer.gap, notify, token, query)
    try:
        position = run(_watch_until_stopped(follower, printer))
    except HubError as error:
        raise click.ClickException(sanitize_line(str(error))) from None
    if position:
        words = ["sse-hub", "watch", *channels, *(["--url", url] if url != LOCAL_HUB else [])]
        words += [word for text in filters for word in ("--filter", text)]
        words += ["--since", position]
        click.echo(f"To resume from here: {shlex.join(words)}", err=True)


async def _watch_until_stopped(follower: StreamFollower, printer: Printer) -> str:
    """The position at the end."""
    stop = Shutdown()
    tasks = [
        asyncio.create_task(follower.run()),
        asyncio.create_task(stop.requested.wait()),
        asyncio.create_task(printer.closed.wait()),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        with suppress(asyncio.CancelledError):
            await cancel_and_wait(tasks)
    return "" if printer.closed.is_set() else sanitize_line(follower.position)
