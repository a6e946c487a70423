"""A payload becomes one line, whatever it is."""

import json
import tracemalloc

import orjson
import pytest

from sse_hub.protocol.lines import normalize, with_channel

LIMIT = 1_000_000


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b' { "a" : 1 } ',
        b'{\r\n  "a": 1\r}\n',
        b'{"big": 12345678901234567890123}',
        b'{"a": 1, "a": 2}',
        '{"text": "Visit 新增 \u2028 \U0001f469\u200d\U0001f680"}'.encode(),
        rb'{"lone": "\ud800"}',
        b'{"infinite": 1e400, "exact": 0.10}',
        rb'{"pair": "\uD83D\uDE00"}',
    ],
)
def test_a_json_object_stays_as_it_is(payload: bytes) -> None:
    assert normalize(payload, LIMIT) == (payload, "message")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"plain text",
        b"42",
        b'"text"',
        b"null",
        b"[]",
        b"NaN",
        b'{"a": NaN}',
        rb'{"a": NaN, "b": "\ud800"}',
        b'{"a": 1',
        b"\xef\xbb\xbf{}",
        b'{"a": "\x00"}',
        b"\x00",
        b":x",
        b"data: x",
        b"a\nb\rc\r\nd",
    ],
)
def test_a_payload_that_is_no_json_object_becomes_the_info_of_one(payload: bytes) -> None:
    line, event = normalize(payload, LIMIT)

    assert json.loads(line) == {"info": payload.decode()}
    assert event == "message"
    assert not set(line) & set(b"\r\n\0")


def test_invalid_utf8_is_replaced() -> None:
    line, _ = normalize(b"a\xff\xc3(\x80", LIMIT)

    assert orjson.loads(line) == {"info": "a\ufffd\ufffd(\ufffd"}


def test_an_object_with_invalid_utf8_becomes_text() -> None:
    line, _ = normalize(b'{"a": "\xff"}', LIMIT)

    assert orjson.loads(line) == {"info": '{"a": "\ufffd"}'}


def test_an_object_over_very_many_text_lines_is_joined_with_blanks() -> None:
    line, _ = normalize(b"{" + b"\r\n" * 300_000 + b'"a": 1}', LIMIT)

    assert line == b"{" + b"  " * 300_000 + b'"a": 1}'


def test_a_deeply_nested_object_becomes_text() -> None:
    payload = b'{"a":' + b"[" * 900_000

    line, _ = normalize(payload, LIMIT)

    assert orjson.loads(line)["info"] == payload.decode()


def test_a_line_over_the_limit_is_truncated_and_marked() -> None:
    line, event = normalize(b'{"@event":"deploy","a":"' + b"x" * 500, 100)

    record = orjson.loads(line)
    assert record["truncated"] is True
    assert record["size"] == 524
    assert len(record["info"]) == 100
    assert event == "message"


def test_a_text_line_takes_no_more_memory_than_its_bytes() -> None:
    """Rings hold a hundred thousand of them and count their bytes."""
    tracemalloc.start()
    try:
        for limit in (LIMIT, 30):
            before, _ = tracemalloc.get_traced_memory()
            kept = [normalize(b"2026-11-21 03:50:18 INFO visit %d" % number, limit)[0] for number in range(1_000)]
            after, _ = tracemalloc.get_traced_memory()
            assert after - before < 1_000 * (max(map(len, kept)) + 100)
    finally:
        tracemalloc.stop()


def test_a_line_at_the_limit_is_whole() -> None:
    payload = b'{"a":"' + b"x" * 92 + b'"}'

    assert len(payload) == 100
    assert normalize(payload, 100)[0] == payload


@pytest.mark.parametrize("name", ["deploy", "closed", "a", "a1_-", "a" * 64])
def test_a_publisher_may_name_its_event(name: str) -> None:
    assert normalize(orjson.dumps({"@event": name}), LIMIT)[1] == name


@pytest.mark.parametrize(
    "name",
    ["gap", "lines", "auth", "error", "open", "Deploy", "1a", "", "a b", "a\nb", "a" * 65, "é", None, 5, ["deploy"]],
)
def test_reserved_and_malformed_event_names_are_ignored(name: object) -> None:
    assert normalize(orjson.dumps({"@event": name}), LIMIT)[1] == "message"


def test_only_the_at_event_member_names_the_event() -> None:
    assert normalize(b'{"event":"gap","a":{"@event":"deploy"}}', LIMIT)[1] == "message"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"a":1}', b'{"@channel":"shop","a":1}'),
        (b"{}", b'{"@channel":"shop"}'),
        (b" \n{ } ", b'{"@channel":"shop" } '),
        (b'{ "a": 1 }', b'{"@channel":"shop", "a": 1 }'),
    ],
)
def test_the_channel_is_the_first_member_of_a_line(line: bytes, expected: bytes) -> None:
    assert with_channel(line, "shop") == expected


@pytest.mark.parametrize("name", ['"@channel"', r'"\u0040channel"', r'"@\u0063hannel"'])
def test_a_line_cannot_claim_another_channel(name: str) -> None:
    line = f'{{{name}:"bank","a":1,{name}:"bank"}}'.encode()

    assert json.loads(with_channel(line, "shop")) == {"@channel": "shop", "a": 1}


@pytest.mark.parametrize("depth", [900, 1000, 1018, 1024])
def test_a_deeply_nested_line_that_names_a_channel_is_handled(depth: int) -> None:
    payload = b'{"@channel":"bank","a":' + b"[" * depth + b"]" * depth + b"}"

    line, _ = normalize(payload, LIMIT)

    assert with_channel(line, "shop").startswith(b'{"@channel":"shop"')


def test_a_line_that_names_a_channel_keeps_its_numbers() -> None:
    line = b'{"@channel":"bank","big":12345678901234567890123,"price":1.10} '

    assert b'"big":12345678901234567890123,"price":1.10' in with_channel(line, "shop")
