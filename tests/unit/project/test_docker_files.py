"""Dockerfile and the files for docker-compose agree with the program and with each other."""

import configparser
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from sse_hub.broker.limits import redis_limits
from sse_hub.commands.docker.containers import FOLLOW_LABEL
from sse_hub.commands.docker.engine import SOCKETS
from sse_hub.config import Config
from tests.support.settings import DEADLINE_SECONDS, ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text()
SEVERAL = ("docker-compose.sentinel.yml", "docker-compose.cluster.yml")
REDIS_URL = "redis://redis:6379/0"


def dockerfile() -> list[tuple[str, str]]:
    """The instructions, each split into its first word and the rest, with continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", "")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line]


def final(word: str) -> str:
    """The last instruction of that name, which is the effective one."""
    return [rest for name, rest in dockerfile() if name == word][-1]


def service(name: str) -> str:
    """The lines of one service."""
    found = re.search(rf"^  {name}:\n((?:    .*\n)+)", COMPOSE.split("\nservices:\n")[1], re.MULTILINE)
    assert found, f"docker-compose.yml has no service {name}"
    return found[1]


def test_every_file_copied_into_the_image_exists_and_is_not_ignored() -> None:
    copied = [rest.split() for name, rest in dockerfile() if name == "COPY" and not rest.startswith("--from")]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    for source in (source for *sources, _ in copied for source in sources):
        assert (ROOT / source).exists()
        assert "!" + source.split("/")[0] in ignored


def test_the_image_runs_as_a_numbered_user_that_is_not_root() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", final("USER"))
    assert json.loads(final("ENTRYPOINT"))[0] in scripts
    assert json.loads(final("CMD")) == ["serve", "--host", "0.0.0.0"]


def test_the_image_listens_and_is_health_checked_on_the_default_port() -> None:
    # If it were not JSON, Docker would pass it to a shell silently.
    *_, code = json.loads(final("HEALTHCHECK").split(" CMD ")[1])

    compile(code, "HEALTHCHECK", "exec")
    assert final("EXPOSE") == str(Config().port)
    assert "SSE_HUB_PORT" in code
    assert str(Config().port) in code
    assert "/health/ready" in code


def test_compose_starts_hub_and_demo_after_redis_is_healthy() -> None:
    assert re.findall(r"^  (\w+):$", COMPOSE.split("\nservices:\n")[1], re.MULTILINE) == [
        "redis",
        "hub",
        "demo",
        "docker",
    ]
    assert "healthcheck:\n      test: [CMD, redis-cli, ping]" in service("redis")
    assert "condition: service_healthy" in COMPOSE.split("\nservices:\n")[0]
    for name in ("hub", "demo", "docker"):
        assert "<<: *sse-hub" in service(name)
        assert REDIS_URL in service(name)


@pytest.mark.parametrize("file", ["docker-compose.yml", *SEVERAL])
def test_each_hub_of_compose_has_the_rules_of_the_demo(file: str) -> None:
    [path] = [
        rest.split()[1] for name, rest in dockerfile() if name == "COPY" and rest.startswith("sse_hub/commands/demo")
    ]

    hubs = [each for name, each in services_of(file).items() if name.startswith("hub")]
    assert hubs
    assert {hub["environment"]["SSE_HUB_RULES"] for hub in hubs} == {path}


def test_the_redis_of_compose_has_the_bounds_of_an_embedded_one() -> None:
    """R4, R5."""
    command = re.sub(r'[\s",]+', " ", service("redis").partition("command: [")[2].partition("]")[0])

    for name, value in redis_limits(Config().line_bytes, Config().body_bytes).items():
        assert f"--{name} {value} " in command


def test_compose_publishes_on_loopback_only() -> None:
    published = re.findall(r"^    ports: (.*)$", COMPOSE, re.MULTILINE)

    assert [json.loads(ports) for ports in published] == [
        ["127.0.0.1:${REDIS_PORT:-6379}:6379"],
        [f"127.0.0.1:${{HUB_PORT:-{Config().port}}}:{Config().port}"],
    ]


def test_compose_follows_containers_only_if_requested_and_never_itself() -> None:
    followed = service("docker")

    assert "profiles: [docker]" in followed
    assert "- ${DOCKER_SOCKET:-/var/run/docker.sock}:/var/run/docker.sock\n" in followed
    assert f'{FOLLOW_LABEL}: "false"' in followed
    assert SOCKETS[0] == "/var/run/docker.sock"
    # Positions survive the container.
    assert "- docker-state:/state" in followed
    assert "--registry, /state/" in followed
    assert re.search(r"^volumes:\n(?:  #.*\n)*  docker-state:$", COMPOSE, re.MULTILINE)
    for name in ("redis", "hub", "demo"):
        assert "docker.sock" not in service(name)


def services_of(file: str) -> dict[str, Any]:
    """The services of a file for docker-compose, with all that they share put in."""
    return dict(yaml.safe_load((ROOT / file).read_text())["services"])


@pytest.mark.parametrize("file", SEVERAL)
def test_every_redis_of_several_has_the_bounds_of_an_embedded_one(file: str) -> None:
    """R4, R5."""
    servers = [each for each in services_of(file).values() if "redis-server" in each.get("entrypoint", ())]

    assert len(servers) == (6 if "cluster" in file else 3)
    for each in servers:
        words = " ".join([*each["entrypoint"], *each["command"]]) + " "
        for name, value in redis_limits(Config().line_bytes, Config().body_bytes).items():
            # Two settings of one name are one option with both values.
            assert f"--{name} {value} " in words


@pytest.mark.parametrize("file", SEVERAL)
def test_both_hubs_and_the_demo_name_all_servers_in_their_url(file: str) -> None:
    services = services_of(file)

    [url] = {services[name]["environment"]["REDIS_URL"] for name in ("hub-1", "hub-2", "demo")}
    scheme, _, rest = url.partition("://")
    hosts = [each.split(":")[0] for each in rest.partition("/")[0].split(",")]

    kind = "node" if "cluster" in file else "sentinel"
    assert scheme == ("redis+cluster" if kind == "node" else "redis+sentinel")
    assert hosts == [name for name in services if name.startswith(f"{kind}-")]


@pytest.mark.parametrize("file", SEVERAL)
def test_each_server_of_several_is_announced_by_the_name_of_its_service(file: str) -> None:
    for name, each in services_of(file).items():
        if "redis-server" in each.get("entrypoint", ()):
            option = "--cluster-announce-hostname" if "cluster" in file else "--replica-announce-ip"
            assert each["hostname"] == name
            assert each["command"][:2] == [option, name]


@pytest.mark.parametrize("file", SEVERAL)
def test_only_the_proxy_of_several_hubs_is_published_and_on_loopback(file: str) -> None:
    services = services_of(file)

    assert [name for name, each in services.items() if "ports" in each] == ["proxy"]
    assert services["proxy"]["ports"] == [f"127.0.0.1:${{HUB_PORT:-{Config().port}}}:{Config().port}"]
    for each in services.values():
        assert each["read_only"] is True
        for volume in each.get("volumes", ()):
            source = volume.split(":")[0]
            assert source.startswith("node-") or (ROOT / source).is_file()


@pytest.mark.parametrize("file", SEVERAL)
def test_services_of_several_hubs_wait_for_services_that_exist(file: str) -> None:
    services = services_of(file)

    for each in services.values():
        assert set(each.get("depends_on", ())) <= services.keys()


def test_the_proxy_of_several_hubs_takes_its_configuration_and_knows_all_hubs() -> None:
    file = ROOT / "docs" / "proxies" / "two-hubs.Caddyfile"

    for each in SEVERAL:
        hubs = [name for name in services_of(each) if name.startswith("hub-")]
        assert f"reverse_proxy {' '.join(f'{hub}:{Config().port}' for hub in hubs)} {{" in file.read_text()
    # It complains of what is unknown, and of a layout that is not its own.
    subprocess.run(
        ["caddy", "validate", "--adapter", "caddyfile", "--config", str(file)], check=True, timeout=DEADLINE_SECONDS
    )


def test_the_image_needs_no_shell_no_root_and_no_writable_file() -> None:
    for word in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(final(word)), list), "without brackets, Docker runs the command in a shell"
    shared = COMPOSE.split("\nservices:\n")[0]
    for line in ("read_only: true", "tmpfs: [/tmp]", "cap_drop: [ALL]", 'security_opt: ["no-new-privileges:true"]'):
        assert line in shared


def test_the_systemd_unit_uses_only_existing_settings() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their capitals
    unit.read(ROOT / "docs" / "proxies" / "sse-hub.service")
    service = unit["Service"]

    program, verb, *options = service["ExecStart"].split()
    config = Config.read({name.removeprefix("--").replace("-", "_"): text for name, text in batched(options)}, {})

    assert (Path(program).name, verb) == ("sse-hub", "serve")
    assert int(service["TimeoutStopSec"]) >= config.drain_seconds + 2
    assert int(service["LimitNOFILE"]) >= 10_240


def batched(words: list[str]) -> list[tuple[str, str]]:
    """`words` in pairs of an option and its value."""
    return list(zip(words[::2], words[1::2], strict=True))
