"""
`sse-hub ship`.

    options --> ShipPlan --> ship_files()          HubError --> its message, exit status 1
"""

import logging
import os
import re
from pathlib import Path

import click

from sse_hub.commands.options import (
    LOCAL_REDIS,
    encoding_option,
    ingest_option,
    line_joiner,
    multiline_option,
    multiline_start_option,
    redis_url_option,
)
from sse_hub.commands.ship.run import ShipPlan, ship_files
from sse_hub.commands.shipping.encodings import TextEncoding
from sse_hub.commands.shipping.records import LineFormat
from sse_hub.commands.shipping.state_file import default_path
from sse_hub.config import Config
from sse_hub.errors import HubError
from sse_hub.server.process import Shutdown, log_to_stderr, run


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--channel",
    default="{name}",
    show_default=True,
    help="The channel: {name} is the file name without its extension, {path} the full path.",
)
@click.option(
    "--exclude",
    "excluded",
    multiple=True,
    metavar="PATTERN",
    help="Leave out files that match PATTERN, such as '*.tmp', 'old/*.log' or '/var/log/*/old/*'. Repeatable.",
)
@click.option(
    "--rotated-in",
    multiple=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Rotated files are moved to FOLDER. Repeatable.",
)
@click.option("--from-start", is_flag=True, help="Publish existing lines too, rotated and .gz files first.")
@multiline_option
@multiline_start_option
@encoding_option
@click.option("--once", is_flag=True, help="Exit once all existing lines have been published.")
@click.option(
    "--registry",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="File for positions; each shipper needs its own.  [default: ~/.local/state/sse-hub/ship.json]",
)
@redis_url_option
@ingest_option
def ship(
    files: tuple[str, ...],
    channel: str,
    excluded: tuple[str, ...],
    rotated_in: tuple[Path, ...],
    from_start: bool,
    multiline: bool,
    multiline_start: re.Pattern[str] | None,
    encoding: TextEncoding | None,
    once: bool,
    registry: Path | None,
    redis_url: str | None,
    ingest: tuple[str, ...],
) -> None:
    """
    Follow files like `tail -F`, and publish each of their lines exactly once, across rotations and restarts.

    FILE may be a quoted pattern ('/var/log/*.log'): files that appear later are followed too.
    """
    try:
        config = Config.read({"redis_url": redis_url, "ingest": " ".join(ingest) or None}, os.environ)
        plan = ShipPlan(
            patterns=files,
            excluded=excluded,
            rotated_in=rotated_in,
            redis_url=config.redis_url or LOCAL_REDIS,
            registry=registry or default_path(os.environ, "ship"),
            channel=channel,
            from_start=from_start,
            lines=LineFormat(line_joiner(multiline, multiline_start), encoding),
            once=once,
            ingest=config.ingest,
        )
        log_to_stderr(config)
        logging.getLogger("watchfiles").setLevel(logging.WARNING)

        async def ship_until_stopped() -> None:
            await ship_files(plan, Shutdown().requested)

        run(ship_until_stopped())
    except HubError as error:
        raise click.ClickException(str(error)) from None
