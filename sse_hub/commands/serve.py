"""
`sse-hub serve`, which `python run.py` runs too.

    options and SSE_HUB_* --> Config.read() --> serve() or supervise()         HubError --> its message, exit status 1
"""

import os
import shlex
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from sse_hub import __version__
from sse_hub.alerts.setup import load_rule_file
from sse_hub.auth import check_access
from sse_hub.commands.redis_cli import publish_command
from sse_hub.config import UNIX, Config
from sse_hub.errors import HubError
from sse_hub.redis_url import without_password
from sse_hub.server.background import BackgroundTask
from sse_hub.server.listener import with_passed_address
from sse_hub.server.process import log_to_stderr, run
from sse_hub.server.serve import serve as serve_hub
from sse_hub.server.supervisor import supervise

# The rules of a hub with --demo that is given none.
DEMO_RULES = Path(__file__).parent / "demo" / "rules.toml"


def _config_options(command: Callable[..., None]) -> Callable[..., None]:
    for each in reversed(fields(Config)):
        default = " ".join(each.default) if isinstance(each.default, tuple) else each.default
        note = "" if default in (None, False, "") else f"  [default: {default}]"
        kind: dict[str, Any] = {"metavar": each.name.partition("_per_")[0].rsplit("_")[-1].upper()}
        if each.default is False:
            kind = {"is_flag": True, "flag_value": "true", "default": None, "type": str}
        elif isinstance(each.default, tuple):
            kind["multiple"] = True
        option = click.option("--" + each.name.replace("_", "-"), each.name, help=each.metadata["help"] + note, **kind)
        command = option(command)
    return command


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@_config_options
def serve(**options: str | tuple[str, ...] | None) -> None:
    """
    Run the hub.

    Every option can be set by an environment variable too: --ring-lines is SSE_HUB_RING_LINES.
    """
    try:
        # Repeatable options are tuples, empty if they are not given.
        given = {
            name: (" ".join(each) if each else None) if isinstance(each, tuple) else each
            for name, each in options.items()
        }
        config = with_passed_address(Config.read(given, os.environ), os.environ)
        if config.demo and not config.rules:
            config = replace(config, rules=str(DEMO_RULES))
        check_access(config)
        load_rule_file(config)
        log_to_stderr(config)
        serve_with = serve_hub if config.workers == 1 else supervise
        run(serve_with(config, _announce, _demo() if config.demo else None))
    except HubError as error:
        raise click.ClickException(str(error)) from None


def _demo() -> BackgroundTask:
    # Imported only for --demo: no other hub needs its libraries.
    from sse_hub.commands.demo import publish_demo

    return BackgroundTask("demo", publish_demo)


def _announce(config: Config) -> None:
    # Operators insert their own token.
    token = '-H "Authorization: Bearer $TOKEN" ' if config.access == "token" else ""
    if config.host.startswith(UNIX):
        path = config.host.removeprefix(UNIX)
        origin, curl, page = "http://localhost", f"--unix-socket {shlex.quote(path)} ", f"through a proxy to {path}"
    else:
        # A hub that listens on all addresses is opened at the loopback one.
        address = "127.0.0.1" if config.host in ("0.0.0.0", "::") else config.host
        address = f"[{address}]" if ":" in address else address
        origin, curl = f"http://{address}:{config.port}", ""
        page = f"{origin}/index"
    redis_url = str(config.redis_url)
    click.echo(
        f"""
sse-hub {__version__} is running.

  Page     {page}
  Stream   curl -N {curl}{token}'{origin}/message?channel=log'
  Redis    {without_password(redis_url)}
  Try      {publish_command(redis_url, "log", '{"level": "info", "message": "hello"}')}
"""
    )
