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


def elements(value: object, line: bytes) -> list[bytes]:
    return [json.dumps(each).encode() for each in value] if isinstance(value, list) else [line]


def lines_of(body: bytes, line_bytes: int = 10_000, as_text: bool = False) -> list[bytes]:
    return [line for line in parse_body(body, line_bytes, as_text) if line is not None]


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

    # The elements of an array are lines of their own.
    expected = [line for row, line in zip(rows, lines, strict=True) for line in elements(row[0], line)]
    # The body needs one line, and an array may be empty.
    assert lines_of(body + b"1") == [*expected, b"1"]


@given(st.dictionaries(st.text(), JSON, min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_an_object_over_several_text_lines_of_a_body_is_one_line(value: dict[str, object], end: str) -> None:
    body = json.dumps(value, indent=1).replace("\n", end).encode()

    assert lines_of(b"\n" + body + b"\n\n") == [body]


@given(st.binary(max_size=200))
def test_any_body_is_json_lines_or_is_refused_with_the_reason(body: bytes) -> None:
    try:
        lines = lines_of(body, 100)
    except (InvalidLine, TooLarge) as error:
        assert str(error).startswith(("line ", "element ", "The body has no line"))
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
    with pytest.raises(TooLarge, match="line 100001 is one too many"):
        list(parse_body(b"1\n" * (MAX_LINES + 1), 50))


def test_a_long_line_of_a_body_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(TooLarge, match="line 2 has 52 bytes; the limit is 51"):
        list(parse_body(b"1\n" + b"x" * 52, 51))


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b'[{"a":1},{"b":"]}\\"[,"} , {"c":[1,{}]}]', [b'{"a":1}', b'{"b":"]}\\"[,"}', b'{"c":[1,{}]}']),
        (b'[\n{"a":\n1},\r\n{"b":2}\n]\n[]\n{"c":3}', [b'{"a": 1}', b'{"b":2}', b'{"c":3}']),
        (b"[[1,2],[3]]\n[4]", [b"[1,2]", b"[3]", b"4"]),
        (b'["%b",2]' % (b"x" * 200_000), [b'"%b"' % (b"x" * 200_000), b"2"]),
    ],
    ids=["one line", "several lines", "arrays in it", "long string"],
)
def test_each_element_of_an_array_is_a_line(body: bytes, lines: list[bytes]) -> None:
    """M6: Fluent Bit's `json` and Vector send arrays."""
    assert lines_of(body, 1_000_000) == lines


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{}\n[{"a":1},{bad}]', "element 2 of the array in line 2 is not JSON: "),
        (b"[1,,2]", "element 2 of the array in line 1 is not JSON: it is empty"),
        (b"[1,]", "element 2 of the array in line 1 is not JSON: it is empty"),
        (b'[{"a":1}] {}', "line 1 is not JSON: there is text after the array"),
        (b'[{"a":1}', "line 1 is not JSON: the array has no end"),
        (b'["\\', "line 1 is not JSON: the array has no end"),
        (b"[" * 1_000_000, "line 1 is not JSON: an element has too many brackets"),
        (b"[{]}]", "element 1 of the array in line 1 is not JSON: "),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_broken_array_is_refused_with_the_place_of_the_fault(body: bytes, told: str) -> None:
    with pytest.raises(InvalidLine) as refused:
        lines_of(body, 2_000_000)

    assert str(refused.value).startswith(told)


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (
            b'{"a":1}\nbad\n\n[2026-11-30 10:00] started\nx\xff',
            [b'{"a":1}', b"bad", b"[2026-11-30 10:00] started", b"x\xff"],
        ),
        (b'[{"a":1},{bad},,{"c":3}] x\n{"b":2}', [b'{"a":1}', b"{bad}", b'{"c":3}', b"x", b'{"b":2}']),
        (b'[{"a":1},{"b":', [b'{"a":1}', b'{"b":']),
        (b'{"long":"%b"}\n{}' % (b"x" * 100), [b'{"long":"%b"}' % (b"x" * 100), b"{}"]),
        (b'{\n "a": 1\n}', [b'{\n "a": 1\n}']),
        (b'{\n "a": no\n}', [b"{", b'"a": no', b"}"]),
    ],
    ids=["lines", "array", "cut array", "long line", "one value", "no value"],
)
def test_with_bad_lines_as_text_no_line_costs_another(body: bytes, lines: list[bytes]) -> None:
    """I3."""
    assert lines_of(body, 50, as_text=True) == lines


@given(st.binary(max_size=300), st.booleans())
def test_with_bad_lines_as_text_every_body_with_a_line_is_taken(body: bytes, in_array: bool) -> None:
    lines = lines_of(b"[{%b" % body if in_array else body + b"x", 20, as_text=True)

    assert lines
    assert all(line and (b"\n" not in line or len(lines) == 1) for line in lines)
