"""Objects of JSON are read as JavaScript would, but for integers that it would round, whatever a line has in it."""

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.formats.reader import read_line
from sse_hub.formats.values import MAX_SAFE_INTEGER, parse_object
from tests.support.settings import PATIENCE

numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(-(10**40), 10**40),
    st.sampled_from([2**53 - 1, 2**53, -(2**53), 2**63, -(2**63) - 1, 2**64 - 1, 2**64, 0]),
).map(str)
others = st.sampled_from(
    ["1e400", "-1e400", "1e308", "1.5e300", "-0", "-0.0", "NaN", "Infinity", "true", '"9007199254740993"', '"\\ud83d"']
)
values = st.recursive(
    numbers | others,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
        st.lists(st.tuples(st.sampled_from(['"a"', '"\\u0061"', '"b"', '"é"']), inner), max_size=4).map(
            lambda members: f"{{{','.join(f'{key}: {value}' for key, value in members)}}}"
        ),
    ),
    max_leaves=6,
)


def plainly(line: str) -> Any:
    """The line as the standard library reads it, which keeps all digits."""

    def parse_int(digits: str) -> int | str:
        number = int(digits)
        return number if abs(number) <= MAX_SAFE_INTEGER else digits

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return json.loads(line, parse_int=parse_int, parse_constant=refuse)
    except ValueError:
        return None


@given(st.lists(values, min_size=1, max_size=3))
def test_an_object_keeps_all_digits_wherever_they_are(held: list[str]) -> None:
    line = f' {{"a": {held[0]}, "list": [{",".join(held)}], "a": {held[-1]}}}'
    expected = plainly(line)

    assert parse_object(line) == parse_object(line.encode()) == expected
    assert repr(parse_object(line.encode())) == repr(parse_object(line))


def test_bytes_that_are_no_text_are_read_as_text_with_signs_in_their_place() -> None:
    assert parse_object(b'{"a": "caf\xe9", "n": 12345678901234567890123}') == {
        "a": "caf\ufffd",
        "n": "12345678901234567890123",
    }
    assert parse_object(b'\xef\xbb\xbf{"a": 1}') is None
    assert parse_object(b'\t\r\n {"a": 1e400}') == {"a": math.inf}
    for line in (b"", b"[1]", b"{", b'{"a": NaN}', b"{]"):
        assert parse_object(line) is None, line


@pytest.mark.parametrize(
    "error", ['{"a": "\\ud83d"}', '{"a":' * 300 + "1" + "}" * 300, '{"a":' * 900 + '"\\ud83d"' + "}" * 900]
)
def test_an_error_that_is_an_object_of_any_kind_is_read(error: str) -> None:
    record = read_line(f'{{"message": "no", "error": {error}}}')

    assert record.error is not None
    assert record.error.stack


@pytest.mark.parametrize("value", ['"x"', "1795233018000000000", "1.5e300", '{"a":[1]}', "123456789012345678901"])
def test_an_object_of_many_members_is_read_in_a_time_that_grows_with_its_length(value: str) -> None:
    line = f"{{{','.join(f'{chr(34)}key{n}{chr(34)}:{value}' for n in range(60_000))}}}".encode()

    began = time.thread_time()
    assert len(parse_object(line) or ()) == 60_000
    assert time.thread_time() - began < 0.2 * PATIENCE
