"""Which files are followed, which are rotated files, and the channels of their lines."""

from pathlib import Path

import pytest

from sse_hub.commands.ship.names import RotatedName, channel_of, followed_paths
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
def test_a_rotated_file_is_recognized_by_its_name(name: str) -> None:
    assert RotatedName("app.log").matches(name)


@pytest.mark.parametrize("name", ["app.log", "app.log.bak", "app2.log", "other.log.1", "app.log.1.tmp", "app.login.1"])
def test_an_unrelated_file_is_not_taken_for_a_rotated_one(name: str) -> None:
    assert not RotatedName("app.log").matches(name)


def test_a_higher_number_means_an_older_rotated_file() -> None:
    turns = [
        RotatedName("app.log").rotation_number(name)
        for name in ("app.log.10", "app.log.2.gz", "app.log-20261121", "app.log")
    ]

    assert turns == [10, 2, 0, 0]


def test_a_pattern_matches_existing_files_except_rotated_ones(tmp_path: Path) -> None:
    for name in ("a.log", "a.log.1", "a.log.2.gz", "b.log", "c.txt"):
        (tmp_path / name).touch()

    paths = followed_paths([str(tmp_path / "*.log*"), str(tmp_path / "later.log")])

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


def test_a_reserved_channel_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="not a valid channel name"):
        channel_of("sse-hub:{name}", Path("/var/log/log.log"))
