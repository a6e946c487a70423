"""The instructions in docs/operations.md and docs/proxies work, as far as that can be tested without a server."""

import ast
import re
import shlex

import pytest

from sse_hub.auth import check_access
from sse_hub.config import Config
from tests.support.settings import ROOT

MANUAL = (ROOT / "docs" / "operations.md").read_text()
UNIT = (ROOT / "docs" / "proxies" / "sse-hub.service").read_text()
CLIENTS = ("commands", "logging")
COMMANDS = re.findall(r"docker run .*?sse-hub$", MANUAL, re.M | re.S) + re.findall(
    r"(?<=#   )docker run .* sse-hub$", (ROOT / "Dockerfile").read_text(), re.M
)


def logged_by_the_server() -> set[tuple[str, str]]:
    folder = ROOT / "sse_hub"
    found = set()
    for path in folder.rglob("*.py"):
        if path.relative_to(folder).parts[0] in CLIENTS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="logger"), attr=level),
                    args=[ast.Constant(value=str(text)), *_],
                ) if level != "debug" and not text.startswith("%"):
                    found.add(("INFO" if level == "info" else "WARNING", text.split(" ")[0]))
    return found


def test_the_manual_lists_exactly_the_hubs_log_events() -> None:
    listed = re.findall(r"^- `(INFO|WARNING)`(.*)\.$", MANUAL, re.M)

    assert {(level, event) for level, events in listed for event in re.findall(r"`(\w+)`", events)} == (
        logged_by_the_server()
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_manuals_docker_commands_have_valid_settings(command: str) -> None:
    words = shlex.split(command)
    environ = dict(words[at + 1].split("=", 1) for at, word in enumerate(words) if word == "-e")
    [told] = re.findall(r'^CMD \["serve", "--host", "(.*)"\]$', (ROOT / "Dockerfile").read_text(), re.M)

    config = Config.read({"host": told}, environ)

    check_access(config)
    assert config.redis_url


def test_the_manual_has_docker_commands() -> None:
    assert len(COMMANDS) == 2


def test_the_systemd_unit_passes_root_only_keys_to_its_user() -> None:
    """Only its owner can read a file made by `sse-hub token key`; with DynamicUser= that is never the hub."""
    handed = UNIT.replace("#LoadCredential=", "LoadCredential=").replace("#Environment=", "Environment=")
    [(name, _)] = re.findall(r"^LoadCredential=([\w.]+):(/\S+)$", handed, re.M)

    assert "\nDynamicUser=yes\n" in UNIT
    assert f"\nEnvironment=SSE_HUB_TOKEN_KEYS=%d/{name}\n" in handed
    # If the file is missing, the unit would not start.
    assert "\nLoadCredential=" not in UNIT


def test_the_traefik_configuration_does_not_compress_streams() -> None:
    """By default it excludes only application/grpc."""
    assert "excludedContentTypes: [text/event-stream]" in (ROOT / "docs" / "proxies" / "traefik.yml").read_text()
