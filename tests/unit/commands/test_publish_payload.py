"""What is published for a line of standard input."""

import json

import pytest

from sse_hub.commands.publish.payload import as_json, payload


@pytest.mark.parametrize(
    ("line", "published"),
    [
        (b"hello", b'{"message":"hello","app":"shop"}'),
        (b'{"a": 1}', b'{"app":"shop","a": 1}'),
        (b"{ }", b'{"app":"shop" }'),
        (b'{"n": 12345678901234567890123}', b'{"app":"shop","n": 12345678901234567890123}'),
        (b'{"app": "mine"}', b'{"app": "mine"}'),
        (b"[1]", b'{"message":"[1]","app":"shop"}'),
        (b'{"a": ', b'{"message":"{\\"a\\": ","app":"shop"}'),
        (b"\xff", '{"message":"\ufffd","app":"shop"}'.encode()),
    ],
)
def test_added_fields_are_part_of_the_payload(line: bytes, published: bytes) -> None:
    assert payload(line, {"app": "shop"}) == published
    json.loads(published)


def test_without_added_fields_a_line_is_published_unchanged() -> None:
    assert payload(b"\xff {", {}) == b"\xff {"


@pytest.mark.parametrize(
    ("line", "text"),
    [(b'{"a":\n1}', b'{"a": 1}'), (b"hi", b'{"info":"hi"}'), (b"42", b"42"), (b"NaN", b'{"info":"NaN"}')],
)
def test_over_http_every_line_is_published_as_json(line: bytes, text: bytes) -> None:
    assert as_json(line) == text
