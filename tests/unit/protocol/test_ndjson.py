"""A request body to publish becomes lines."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.errors import InvalidLine, TooLarge
from sse_hub.protocol.ndjson import MAX_LINES, parse_body

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
BLANKS = st.text(" \t\r", max_size=3)


@given(st.lists(st.tuples(JSON, BLANKS, BLANKS, st.integers(0, 3)), min_size=1, max_size=8))
def test_each_text_line_of_a_body_is_a_line_whatever_blanks_surround_it(
    rows: list[tuple[object, str, str, int]],
) -> None:
    lines = [json.dumps(value).encode() for value, *_ in rows]
    body = b"".join(
        b"\n" * empty + before.encode() + line + after.encode() + b"\n"
        for line, (_, before, after, empty) in zip(lines, rows, strict=True)
    )

    assert list(parse_body(body, 10_000)) == lines


@given(st.dictionaries(st.text(), JSON, min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_an_object_over_several_text_lines_of_a_body_is_one_line(value: dict[str, object], end: str) -> None:
    body = json.dumps(value, indent=1).replace("\n", end).encode()

    assert list(parse_body(b"\n" + body + b"\n\n", 10_000)) == [body]


@given(st.binary(max_size=200))
def test_any_body_is_json_lines_or_is_refused_with_the_reason(body: bytes) -> None:
    try:
        lines = list(parse_body(body, 100))
    except (InvalidLine, TooLarge) as error:
        assert str(error).startswith(("line ", "The body has no line"))
    else:
        for line in lines:
            json.loads(line)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{}\n{"a":}', "line 2 is not JSON: unexpected character"),
        (b"text", "line 1 is not JSON: "),
        (b'\n\n{"a": 1,\n\n "b" 2}', "line 5 is not JSON: "),
        (b'{"a": nope\n{}', "line 1 is not JSON: "),
        (b'{"a":', "line 1 is not JSON: unexpected end of data, at column 6."),
        (b"{\n" + b" " * 100 + b"}", "line 1 is not JSON: unexpected end of data"),
    ],
)
def test_an_invalid_body_is_refused_with_the_place_of_the_fault(body: bytes, told: str) -> None:
    with pytest.raises(InvalidLine) as refused:
        list(parse_body(body, 50))

    assert str(refused.value).startswith(told)


def test_a_body_with_too_many_lines_is_refused() -> None:
    assert len(list(parse_body(b"1\n" * MAX_LINES + b"\n" * 1000, 50))) == MAX_LINES
    with pytest.raises(TooLarge, match="line 10001 is one too many"):
        list(parse_body(b"1\n" * (MAX_LINES + 1), 50))


def test_a_long_line_of_a_body_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(TooLarge, match="line 2 has 52 bytes; the limit is 51"):
        list(parse_body(b"1\n" + b"[" * 52, 51))
