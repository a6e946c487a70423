"""What an error says of itself."""

import re

import pytest
from redis.exceptions import RedisError

from sse_hub.errors import error_text
from tests.support.settings import ROOT


def test_an_error_without_a_message_is_named_by_its_class() -> None:
    assert error_text(TimeoutError()) == "TimeoutError"
    assert error_text(OSError("no route")) == "no route"


@pytest.mark.parametrize(
    "said",
    [
        "NOAUTH Authentication required.",
        "Authentication required.",
        "refused: NOAUTH Authentication required.",
        "Protocol error: unauthenticated multibulk length.",
        "Protocol error: unauthenticated bulk length",
        "HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option",
    ],
)
def test_every_way_in_which_redis_asks_for_a_password_is_called_that(said: str) -> None:
    """I12: "unauthenticated multibulk length" sends an operator the wrong way."""
    assert error_text(RedisError(said)) == "Redis requires a password, and the URL has none"


def test_an_error_within_a_sentence_has_no_full_stop_of_its_own() -> None:
    """I12: `The lease can't be had: … is disabled..`"""
    assert error_text(RedisError("WRONGPASS invalid username-password pair or user is disabled.")).endswith("disabled")
    assert error_text(OSError("wait...")) == "wait.."
    for path in (ROOT / "sse_hub").rglob("*.py"):
        assert "{error}." not in path.read_text(), f"{path.name}: say error_text(error)"


def test_no_module_spells_that_out_by_itself() -> None:
    """In `error or …` the error is always true, so one without a message printed nothing."""
    found = [
        path.name
        for path in (ROOT / "sse_hub").rglob("*.py")
        if re.search(r"\bor type\(\w+\)\.__name__", path.read_text())
    ]

    assert found == ["errors.py"]
