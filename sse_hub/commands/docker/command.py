"""
`sse-hub docker`.

    options --> DockerPlan --> ship_containers()          HubError --> its message, exit status 1
"""

import logging
import os
import re
from pathlib import Path

import click

from sse_hub.commands.docker.engine import default_engine
from sse_hub.commands.docker.run import DockerPlan, ship_containers
from sse_hub.commands.options import (
    LOCAL_REDIS,
    ingest_option,
    line_joiner,
    multiline_option,
    multiline_start_option,
    redis_url_option,
)
from sse_hub.commands.shipping.state_file import default_path
from sse_hub.config import Config
from sse_hub.errors import HubError
from sse_hub.server.process import Shutdown, log_to_stderr, run


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--channel",
    default="docker.{name}",
    show_default=True,
    help="The channel: {name} of the container, {service} of Compose, {stream} (stdout, stderr).",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY[=VALUE]",
    help="Follow only containers with this label. Repeatable: containers must have all of these labels.",
)
@click.option(
    "--from-start", is_flag=True, help="At the first start, publish the lines already in the containers' logs."
)
@multiline_option
@multiline_start_option
@click.option("--stats", is_flag=True, help="Also publish CPU and memory of each container, on <channel>.stats.")
@click.option(
    "--engine",
    default=None,
    metavar="URL",
    help="The engine's API (also DOCKER_HOST).  [default: unix:///var/run/docker.sock, or Podman's]",
)
@click.option(
    "--registry",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="File for positions; each process needs its own.  [default: ~/.local/state/sse-hub/docker.json]",
)
@redis_url_option
@ingest_option
def docker(
    channel: str,
    labels: tuple[str, ...],
    from_start: bool,
    multiline: bool,
    multiline_start: re.Pattern[str] | None,
    stats: bool,
    engine: str | None,
    registry: Path | None,
    redis_url: str | None,
    ingest: tuple[str, ...],
) -> None:
    """
    Publish the output of containers, each line exactly once, across restarts of the containers and of this command.

    A container with the label sse-hub.follow=false is excluded; the label sse-hub.channel=NAME sets its channel.
    """
    try:
        config = Config.read({"redis_url": redis_url, "ingest": " ".join(ingest) or None}, os.environ)
        plan = DockerPlan(
            engine=engine or default_engine(os.environ),
            redis_url=config.redis_url or LOCAL_REDIS,
            registry=registry or default_path(os.environ, "docker"),
            channel=channel,
            labels=labels,
            from_start=from_start,
            stats=stats,
            new_joiner=line_joiner(multiline, multiline_start),
            ingest=config.ingest,
        )
        log_to_stderr(config)
        # httpx logs every request.
        logging.getLogger("httpx").setLevel(logging.WARNING)

        async def ship_until_stopped() -> None:
            await ship_containers(plan, Shutdown().requested)

        run(ship_until_stopped())
    except HubError as error:
        raise click.ClickException(str(error)) from None
