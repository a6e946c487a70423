"""What a grant lets through, and what it leaves out: the pure half of "a token for A gives nothing of B"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.auth.grant import EVERYTHING, Grant, parse_patterns, parse_rights
from sse_hub.errors import Forbidden
from sse_hub.protocol.selection import Selection, matches

NAMES = st.text("ab.", min_size=1, max_size=4)
PATTERNS = st.text("ab.*", min_size=1, max_size=5).filter(lambda text: text.count("*") <= 4)


def asked(*names: str) -> Selection:
    return Selection.parse(names)


def test_a_channel_of_the_grant_may_be_asked_for_by_name() -> None:
    assert Grant("a", ("shop.*", "log")).restrict(asked("log", "shop.api")) == asked("log", "shop.api")


@pytest.mark.parametrize("name", ["shop", "shops.x", "LOG", "log.", "x"])
def test_any_other_is_refused_by_its_name_alone(name: str) -> None:
    with pytest.raises(Forbidden) as caught:
        Grant("a", ("shop.*", "log")).restrict(asked("log", name))

    assert str(caught.value) == f"You may not see {name!r}."


def test_a_pattern_that_the_grant_covers_is_the_same_for_all() -> None:
    """So that their stream is encoded once."""
    assert EVERYTHING.restrict(asked("*")) == asked("*")
    assert Grant("a", ("shop.*",)).restrict(asked("shop.a*", "shop.*.b")).visible is None


def test_a_wider_pattern_finds_only_what_may_be_seen() -> None:
    narrowed = Grant("a", ("shop.*", "log")).restrict(asked("*"))

    assert [name for name in ("log", "shop.api", "shop", "secret") if narrowed.matches(name)] == ["log", "shop.api"]


@given(st.lists(PATTERNS, min_size=1, max_size=3), st.lists(PATTERNS, min_size=1, max_size=3, unique=True), NAMES)
def test_whatever_is_asked_for_is_what_both_sides_name(grants: list[str], wanted: list[str], name: str) -> None:
    grant = Grant("a", parse_patterns(grants))
    try:
        selection = grant.restrict(asked(*wanted))
    except Forbidden:
        assert not all(grant.may_read(each) for each in wanted if "*" not in each)
        return

    expected = any(matches(each, name) for each in wanted) and any(matches(each, name) for each in grants)
    assert selection.matches(name) == expected


def test_who_may_see_nothing_gets_no_pattern_either() -> None:
    with pytest.raises(Forbidden):
        Grant("a").restrict(asked("*"))


def test_a_ticket_is_for_what_it_was_asked_for_and_nothing_else() -> None:
    ticket = Grant("a", ("*",), bound=("log", "shop.*"))

    assert ticket.restrict(asked("log")) == asked("log")
    assert ticket.restrict(asked("shop.*", "log")).patterns == ("shop.*",)
    assert [ticket.may_read(name) for name in ("log", "shop.api", "other")] == [True, True, False]
    for name in ("shop.api", "other", "*"):
        with pytest.raises(Forbidden, match="This ticket is not for"):
            ticket.restrict(asked("log", name))


def test_to_read_is_not_to_publish_and_not_to_operate() -> None:
    grant = Grant("a", ("*",))

    with pytest.raises(Forbidden):
        grant.may_publish("log")
    with pytest.raises(Forbidden):
        grant.require_operator()
    EVERYTHING.may_publish("log")
    EVERYTHING.require_operator()


@pytest.mark.parametrize(
    ("rights", "told"),
    [
        (None, "an object"),
        ([], "an object"),
        ({"subscribe": "*"}, "subscribe must be a list"),
        ({"publish": [1]}, "publish must be a list"),
        ({"subscribe": ["a b"]}, "'a b' is not a channel"),
        ({"subscribe": ["*a*a*a*a*"]}, "is not a channel"),
        ({"subscribe": [f"c{n}" for n in range(257)]}, "257 channel patterns"),
        ({"operate": "yes"}, "operate must be"),
    ],
)
def test_rights_that_are_none_are_told(rights: object, told: str) -> None:
    with pytest.raises(ValueError, match="^") as caught:
        parse_rights("alice", rights)

    assert told in str(caught.value)


@pytest.mark.parametrize("subject", ["", None, 7, "x" * 129, "a\nb"])
def test_a_subject_is_a_short_text_on_one_line(subject: object) -> None:
    with pytest.raises(ValueError, match="subject"):
        parse_rights(subject, {})
