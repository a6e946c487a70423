"""Which files are followed, which are rotated files, and the channels of their lines."""

from pathlib import Path

import pytest

from sse_hub.commands.ship.names import RotatedName, channel_of, followed_paths, is_excluded
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
        ("logs.{name}", "/var/log/my app.log", "logs.myU+0020app"),
        ("{path}", "/var/log/app.log", "var/log/app.log"),
        ("{name}", "/x/{path}.log", "U+007BpathU+007D"),
        ("{name}", "/x/订单.log", "U+8BA2U+5355"),
        ("{name}", "/x/Ünï.log", "U+00DCnU+00EF"),
        ("{name}", f"/x/{'a' * 200}.log", f"{'a' * 119}-c2a908d9"),
        ("app", "/var/log/app.log", "app"),
    ],
)
def test_a_channel_is_named_after_its_file(template: str, path: str, channel: str) -> None:
    assert channel_of(template, Path(path)) == channel


@pytest.mark.parametrize(
    "names", [("订单", "用户"), ("my app", "my_app"), ("a" * 150 + "1", "a" * 150 + "2"), ("a(1)", "a[1]")]
)
def test_f9_different_files_have_different_channels(names: tuple[str, str]) -> None:
    one, other = (channel_of("{name}", Path(f"/var/log/{name}.log")) for name in names)

    assert one != other


def test_f9_an_unknown_field_of_the_template_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="not a valid channel name"):
        channel_of("{date}", Path("/var/log/app.log"))


@pytest.mark.parametrize(
    ("pattern", "left_out"),
    [
        ("*.tmp", ["/var/log/a.tmp", "/var/log/old/b.tmp"]),
        ("old/*", ["/var/log/old/b.tmp", "/var/log/old/c.log"]),
        ("/var/log/*/c.log", ["/var/log/old/c.log"]),
        ("a.log", ["/var/log/a.log"]),
        ("log", []),
    ],
)
def test_m2_files_that_match_an_excluded_pattern_are_left_out(pattern: str, left_out: list[str]) -> None:
    paths = ["/var/log/a.log", "/var/log/a.tmp", "/var/log/old/b.tmp", "/var/log/old/c.log"]

    assert [path for path in paths if is_excluded(Path(path), pattern)] == left_out


def test_a_reserved_channel_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="not a valid channel name"):
        channel_of("sse-hub:{name}", Path("/var/log/log.log"))
