"""
The `sse-hub` command: which module has which of its commands.

    sse-hub publish ... --> import sse_hub.pipe.command --> publish()
"""

from importlib import import_module

import click

from sse_hub import __version__

# A command is imported when it is run: one that stands in a pipe must not wait until a whole server has been loaded.
COMMANDS = {
    "canary": "sse_hub.canary.command",
    "check": "sse_hub.ops.command",
    "demo": "sse_hub.demo.command",
    "docker": "sse_hub.docker.command",
    "publish": "sse_hub.pipe.command",
    "redis-acl": "sse_hub.ops.command",
    "serve": "sse_hub.launch",
    "ship": "sse_hub.ship.command",
    "token": "sse_hub.access.command",
    "top": "sse_hub.ops.command",
    "watch": "sse_hub.watch.command",
}


class _Main(click.Group):
    """The command, whose help tells the options of the hub itself too: they are what most look for."""

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
        with formatter.section("Options of serve, each of them also as SSE_HUB_<OPTION>"):
            formatter.write_dl([record for each in serve.params if (record := each.get_help_record(ctx))])


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """A live log hub: PUBLISH lines to Redis, watch them in the browser, read them over Server-Sent Events."""


if __name__ == "__main__":
    main()
