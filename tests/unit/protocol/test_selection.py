"""Channel names and patterns."""

import pytest

from sse_hub.errors import InvalidChannel
from sse_hub.protocol.patterns import matches
from sse_hub.protocol.selection import Selection, is_channel


def test_channel_names_keep_their_order_and_duplicates_count_once() -> None:
    assert Selection.parse(["b", "a.*", "a", "b"]) == Selection(("b", "a"), ("a.*",))


def test_channel_names_that_differ_in_case_are_different() -> None:
    assert Selection.parse(["foo", "FOO"]).channels == ("foo", "FOO")


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "a?",
        "a[b]",
        "a\0",
        "a\r\n",
        "é",
        "a" * 129,
        "sse-hub:fence",
        "sse-hub:*",
        "{sse-hub}:x",
        "__keyspace@0__:x",
    ],
)
def test_an_invalid_name_is_refused_with_the_allowed_characters(name: str) -> None:
    with pytest.raises(InvalidChannel, match=r"are allowed|is reserved"):
        Selection.parse([name])


def test_a_selection_has_1_to_32_channels() -> None:
    Selection.parse([f"c{n}" for n in range(32)])
    with pytest.raises(InvalidChannel, match="1 to 32 are allowed"):
        Selection.parse([f"c{n}" for n in range(33)])


def test_a_star_matches_any_text_and_everything_else_matches_itself() -> None:
    assert matches("a.*", "a.b.c")
    assert matches("a.*", "a.")
    assert matches("*b*d*", "abcd")
    assert matches("a**b", "ab")
    assert not matches("a.*", "axb")
    assert not matches("*.b", "a.bc")
    assert not matches("ab*bc", "abc")
    assert not matches("*b*b", "ab")


def test_a_pattern_with_too_many_stars_is_refused() -> None:
    Selection.parse(["*a*b*c*"])
    with pytest.raises(InvalidChannel, match="up to 4 are allowed"):
        Selection.parse(["*a*b*c*d*"])


def test_a_pattern_with_many_stars_is_matched_quickly() -> None:
    assert not matches("*a" * 60 + "*", "a" * 59 + "b" * 69)


@pytest.mark.parametrize("name", ["log", "shop.api", "a:b/c@d+e-f_g", "sse-hub"])
def test_ordinary_names_are_published_channels(name: str) -> None:
    assert is_channel(name)


@pytest.mark.parametrize(
    "name", ["sse-hub:fence", "{sse-hub}:fence", "__keyevent@0__:set", "__sentinel__:hello", "__redis__:invalidate"]
)
def test_reserved_names_of_the_hub_and_redis_are_not_published_channels(name: str) -> None:
    assert not is_channel(name)
