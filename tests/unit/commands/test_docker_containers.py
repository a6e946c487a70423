"""Which containers are followed, and on which channels, whatever their labels say."""

from pathlib import Path

import pytest

from sse_hub.commands.docker.containers import check_template, parse_container
from sse_hub.commands.docker.engine import SOCKETS, default_engine
from sse_hub.errors import InvalidSetting

TEMPLATE = "docker.{name}"


def record(**more: object) -> dict[str, object]:
    return {"Id": "f00d" * 16, "Names": ["/shop-api-1"], "State": "running", "Labels": {}, **more}


def channels(template: str = TEMPLATE, **labels: str) -> tuple[str, str, str]:
    labels = {name.replace("__", ".").replace("_", "-"): value for name, value in labels.items()}
    found = parse_container(record(Labels=labels), template)
    assert found
    return found.channel(1), found.channel(2), found.stats


def test_a_containers_channel_is_its_name() -> None:
    assert channels() == ("docker.shop-api-1", "docker.shop-api-1", "docker.shop-api-1.stats")


def test_a_channel_template_can_use_the_service_and_the_stream() -> None:
    labels = {"com__docker__compose__service": "api"}

    assert channels("{service}.{stream}", **labels) == ("api.stdout", "api.stderr", "api.stdout.stats")
    assert channels("{service}") == ("shop-api-1", "shop-api-1", "shop-api-1.stats")


@pytest.mark.parametrize(
    ("label", "channel"),
    [
        ("shop.api", "shop.api"),
        ("shop.{stream}", "shop.stdout"),
        ("no channel", "docker.shop-api-1"),
        ("sse-hub:log:x", "docker.shop-api-1"),
        ("", "docker.shop-api-1"),
        ("{nothing}", "docker.shop-api-1"),
    ],
)
def test_a_valid_label_names_the_channel(label: str, channel: str) -> None:
    assert channels(sse_hub__channel=label)[0] == channel


@pytest.mark.parametrize("label", ["false", "No", "0", " off "])
def test_a_label_excludes_a_container(label: str) -> None:
    assert parse_container(record(Labels={"sse-hub.follow": label}), TEMPLATE) is None


def test_a_container_that_never_ran_is_not_followed() -> None:
    assert parse_container(record(State="created"), TEMPLATE) is None
    assert parse_container({}, TEMPLATE) is None


def test_a_container_without_a_valid_name_is_named_after_its_id() -> None:
    found = parse_container(record(Names=["/db/alias"], Labels=None, State="exited"), TEMPLATE)

    assert found
    assert (found.name, found.running) == ("f00df00df00d", False)


def test_long_channel_names_are_shortened() -> None:
    found = parse_container(record(Names=["/" + "n" * 300]), TEMPLATE)

    assert found
    assert (len(found.channel(1)), len(found.stats)) == (128, 128)


@pytest.mark.parametrize("template", ["{image}", "two words", "sse-hub:{name}", ""])
def test_a_template_that_gives_no_valid_channel_is_refused(template: str) -> None:
    with pytest.raises(InvalidSetting):
        check_template(template)


def test_an_engine_is_found_at_its_usual_address(tmp_path: Path) -> None:
    own = tmp_path / "podman" / "podman.sock"
    own.parent.mkdir()
    own.touch()
    machines = next((path for path in SOCKETS if Path(path).exists()), str(own))

    assert default_engine({"XDG_RUNTIME_DIR": str(tmp_path)}) == f"unix://{machines}"
    assert default_engine({"DOCKER_HOST": "tcp://proxy:2375"}) == "tcp://proxy:2375"
