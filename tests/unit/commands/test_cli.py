"""The command line: its help, and the values that its options accept."""

import subprocess
import sys
from dataclasses import fields

import click
import pytest
from click.testing import CliRunner

from sse_hub.cli import COMMANDS, main
from sse_hub.config import Config


def test_the_help_lists_every_option_and_its_variable() -> None:
    for arguments in (["--help"], ["serve", "--help"]):
        told = CliRunner().invoke(main, arguments)

        assert told.exit_code == 0
        assert "SSE_HUB_" in told.output
        for each in fields(Config):
            assert f"--{each.name.replace('_', '-')} " in told.output


def test_an_empty_ingest_pattern_is_an_error() -> None:
    told = CliRunner().invoke(main, ["serve", "--ingest", ""])

    assert told.exit_code == 1
    assert "--ingest='' is invalid" in told.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_found_under_its_own_name(name: str) -> None:
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.name == name


@pytest.mark.parametrize("name", ["publish", "ship", "watch", "token"])
def test_a_client_command_does_not_import_the_server(name: str) -> None:
    look = f"import sys, {COMMANDS[name]}; sys.exit('sanic' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
