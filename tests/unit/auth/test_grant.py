"""What a grant allows and what it excludes: the pure half of "a token for A reveals nothing of B"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.auth.grant import EVERYTHING, Grant, parse_patterns, parse_rights
from sse_hub.errors import Forbidden
from sse_hub.protocol.patterns import matches
from sse_hub.protocol.selection import Selection

NAMES = st.text("ab.", min_size=1, max_size=4)
PATTERNS = st.text("ab.*", min_size=1, max_size=5).filter(lambda text: text.count("*") <= 4)


def asked(*names: str) -> Selection:
    return Selection.parse(names)


def test_a_granted_channel_may_be_requested_by_name() -> None:
    assert Grant("a", ("shop.*", "log")).restrict(asked("log", "shop.api")) == asked("log", "shop.api")


@pytest.mark.parametrize("name", ["shop", "shops.x", "LOG", "log.", "x"])
def test_a_channel_outside_the_grant_is_refused_and_only_it_is_named(name: str) -> None:
    with pytest.raises(Forbidden) as caught:
        Grant("a", ("shop.*", "log")).restrict(asked("log", name))

    assert str(caught.value) == f"You may not read {name!r}."


def test_a_pattern_within_the_grant_is_not_narrowed() -> None:
    """So that its stream is encoded once for all clients."""
    assert EVERYTHING.restrict(asked("*")) == asked("*")
    assert Grant("a", ("shop.*",)).restrict(asked("shop.a*", "shop.*.b")).visible is None


def test_a_pattern_wider_than_the_grant_matches_only_granted_channels() -> None:
    narrowed = Grant("a", ("shop.*", "log")).restrict(asked("*"))

    assert [name for name in ("log", "shop.api", "shop", "secret") if narrowed.matches(name)] == ["log", "shop.api"]


@given(st.lists(PATTERNS, min_size=1, max_size=3), st.lists(PATTERNS, min_size=1, max_size=3, unique=True), NAMES)
def test_a_narrowed_selection_is_the_intersection_of_grant_and_request(
    grants: list[str], wanted: list[str], name: str
) -> None:
    grant = Grant("a", parse_patterns(grants))
    try:
        selection = grant.restrict(asked(*wanted))
    except Forbidden:
        assert not all(grant.may_read(each) for each in wanted if "*" not in each)
        return

    expected = any(matches(each, name) for each in wanted) and any(matches(each, name) for each in grants)
    assert selection.matches(name) == expected


def test_an_empty_grant_allows_no_pattern() -> None:
    with pytest.raises(Forbidden):
        Grant("a").restrict(asked("*"))


def test_a_ticket_is_valid_only_for_the_requested_channels() -> None:
    ticket = Grant("a", ("*",), ticket_channels=("log", "shop.*"))

    assert ticket.restrict(asked("log")) == asked("log")
    assert ticket.restrict(asked("shop.*", "log")).patterns == ("shop.*",)
    assert [ticket.may_read(name) for name in ("log", "shop.api", "other")] == [True, True, False]
    for name in ("shop.api", "other", "*"):
        with pytest.raises(Forbidden, match="This ticket is not for"):
            ticket.restrict(asked("log", name))


def test_a_right_to_read_includes_neither_publishing_nor_operating() -> None:
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
def test_malformed_rights_are_refused_with_the_reason(rights: object, told: str) -> None:
    with pytest.raises(ValueError, match="^") as caught:
        parse_rights("alice", rights)

    assert told in str(caught.value)


@pytest.mark.parametrize("subject", ["", None, 7, "x" * 129, "a\nb", "a\udcff", "a\ud800"])
def test_a_subject_must_be_a_short_text_on_one_line(subject: object) -> None:
    with pytest.raises(ValueError, match="subject"):
        parse_rights(subject, {})
