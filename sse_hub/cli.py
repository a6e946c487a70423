"""
The `sse-hub` command, and the module of each of its subcommands.

    sse-hub publish ... --> import sse_hub.commands.publish.command --> publish()
"""

from importlib import import_module
from typing import Any

import click

from sse_hub import __version__
from sse_hub.standard_streams import open_standard_streams

# A command is imported only when it is run: one in a pipe must not wait for the imports of a whole server.
COMMANDS = {
    "canary": "sse_hub.commands.canary.command",
    "check": "sse_hub.commands.check.command",
    "demo": "sse_hub.commands.demo.command",
    "docker": "sse_hub.commands.docker.command",
    "publish": "sse_hub.commands.publish.command",
    "redis-acl": "sse_hub.commands.redis_acl",
    "serve": "sse_hub.commands.serve",
    "ship": "sse_hub.commands.ship.command",
    "token": "sse_hub.commands.token",
    "top": "sse_hub.commands.top",
    "watch": "sse_hub.commands.watch.command",
}


class _Main(click.Group):
    """The command. Its help includes the options of `serve`, because most people look for them."""

    def main(self, *args: Any, **extra: Any) -> Any:
        open_standard_streams()
        return super().main(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), cmd_name.replace("-", "_"))
        return command

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        serve = self.get_command(ctx, "serve")
        assert serve
        with formatter.section("Options of serve, also available as SSE_HUB_<OPTION>"):
            formatter.write_dl([record for each in serve.params if (record := each.get_help_record(ctx))])


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """A live log hub: PUBLISH lines to Redis, watch them in the browser, read them over Server-Sent Events."""


if __name__ == "__main__":
    main()
