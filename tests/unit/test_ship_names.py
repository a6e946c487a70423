"""Which files are followed, which are rotated ones of them, and where their lines go."""

from pathlib import Path

import pytest

from sse_hub.commands.ship.names import RotatedName, channel_of, followed
from sse_hub.errors import InvalidSetting


@pytest.mark.parametrize(
    "name",
    [
        "app.log.1",
        "app.log.12",
        "app.log.2.gz",
        "app.log-20261121",
        "app.log-20261121.gz",
        "app.log.2026-11-21",
        "app.log.2026-11-21_12-00-00",
        "app-20261121.log",
        "app.1.log",
        "app-20261121.log.gz",
    ],
)
def test_a_rotated_file_is_known_by_its_name(name: str) -> None:
    assert RotatedName("app.log").matches(name)


@pytest.mark.parametrize("name", ["app.log", "app.log.bak", "app2.log", "other.log.1", "app.log.1.tmp", "app.login.1"])
def test_another_file_is_none(name: str) -> None:
    assert not RotatedName("app.log").matches(name)


def test_the_higher_number_is_the_older() -> None:
    turns = [
        RotatedName("app.log").turn(name) for name in ("app.log.10", "app.log.2.gz", "app.log-20261121", "app.log")
    ]

    assert turns == [10, 2, 0, 0]


def test_a_pattern_means_the_files_that_are_there_without_the_rotated_ones(tmp_path: Path) -> None:
    for name in ("a.log", "a.log.1", "a.log.2.gz", "b.log", "c.txt"):
        (tmp_path / name).touch()

    paths = followed([str(tmp_path / "*.log*"), str(tmp_path / "later.log")])

    assert [path.name for path in paths] == ["a.log", "b.log", "later.log"]


@pytest.mark.parametrize(
    ("template", "path", "channel"),
    [
        ("{name}", "/var/log/app.log", "app"),
        ("{name}", "/var/log/app", "app"),
        ("logs.{name}", "/var/log/my app.log", "logs.my_app"),
        ("{path}", "/var/log/app.log", "var/log/app.log"),
        ("{name}", "/x/{path}.log", "_path_"),
        ("app", "/var/log/app.log", "app"),
    ],
)
def test_a_channel_is_named_after_its_file(template: str, path: str, channel: str) -> None:
    assert channel_of(template, Path(path)) == channel


def test_a_channel_of_the_hub_itself_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="no hub serves"):
        channel_of("sse-hub:{name}", Path("/var/log/log.log"))
