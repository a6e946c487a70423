"""Channel names and patterns."""

import pytest

from sse_hub.errors import InvalidChannel
from sse_hub.protocol.selection import Selection, is_channel, matches


def test_names_keep_their_order_and_doubles_count_once() -> None:
    assert Selection.parse(["b", "a.*", "a", "b"]) == Selection(("b", "a"), ("a.*",))


def test_case_tells_names_apart() -> None:
    assert Selection.parse(["foo", "FOO"]).channels == ("foo", "FOO")


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a?", "a[b]", "a\0", "a\r\n", "é", "a" * 129, "sse-hub:fence", "sse-hub:*", "__keyspace@0__:x"],
)
def test_a_bad_name_is_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(InvalidChannel, match=r"are allowed|is reserved"):
        Selection.parse([name])


def test_a_stream_is_of_1_to_32_channels() -> None:
    Selection.parse([f"c{n}" for n in range(32)])
    with pytest.raises(InvalidChannel, match="1 to 32 are allowed"):
        Selection.parse([f"c{n}" for n in range(33)])


def test_a_star_is_any_text_and_all_else_is_itself() -> None:
    assert matches("a.*", "a.b.c")
    assert matches("a.*", "a.")
    assert matches("*b*d*", "abcd")
    assert matches("a**b", "ab")
    assert not matches("a.*", "axb")
    assert not matches("*.b", "a.bc")
    assert not matches("ab*bc", "abc")
    assert not matches("*b*b", "ab")


def test_a_pattern_has_few_stars() -> None:
    Selection.parse(["*a*b*c*"])
    with pytest.raises(InvalidChannel, match="up to 4 are allowed"):
        Selection.parse(["*a*b*c*d*"])


def test_many_stars_cost_no_time() -> None:
    assert not matches("*a" * 60 + "*", "a" * 59 + "b" * 69)


@pytest.mark.parametrize("name", ["log", "shop.api", "a:b/c@d+e-f_g", "sse-hub"])
def test_ordinary_names_are_channels(name: str) -> None:
    assert is_channel(name)


@pytest.mark.parametrize("name", ["sse-hub:fence", "__keyevent@0__:set", "__sentinel__:hello", "__redis__:invalidate"])
def test_the_names_of_the_hub_and_of_redis_are_not(name: str) -> None:
    assert not is_channel(name)
