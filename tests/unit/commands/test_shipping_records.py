"""Any bytes of a file become records, and the consumed bytes are exactly those of the records."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.commands.ship.reader import CHUNK_BYTES
from sse_hub.commands.shipping.records import LINE_BYTES, RECORD_BYTES, Split, split
from sse_hub.formats.joining import Joiner

PYTHON = b"""2026-11-21 12:00:00,000 - shop - ERROR - payment failed
Traceback (most recent call last):
  File "pay.py", line 3, in pay
    charge(7)

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "pay.py", line 5, in pay
    raise PaymentFailed(order) from None
shop.errors.PaymentFailed: order 7
2026-11-21 12:00:01,000 - shop - INFO - next
"""
JAVA = b"""12:00:00 ERROR boom
java.lang.IllegalStateException: boom
\tat shop.Pay.charge(Pay.java:3)
\t... 12 more
Caused by: java.io.IOException: gone
\tat shop.Net.open(Net.java:9)
12:00:01 INFO next
"""


@pytest.mark.parametrize(
    ("data", "records", "size"),
    [
        (b"", [], 0),
        (b"part", [], 0),
        (b"one\n", [b"one"], 4),
        (b"one\ntwo\npart", [b"one", b"two"], 8),
        (b"one\r\n\r\n\ntwo\n", [b"one", b"two"], 12),
        (b"\0\0\0one\n", [b"one"], 7),
        ("Visit 新增\n".encode(), ["Visit 新增".encode()], 13),
        (b"\xff\xfe\n", [b"\xff\xfe"], 3),
    ],
)
def test_each_line_of_a_file_is_a_record(data: bytes, records: list[bytes], size: int) -> None:
    assert split(data) == Split(records, size)


def test_an_unfinished_last_line_is_a_record_when_nothing_follows() -> None:
    assert split(b"one\ntwo", at_end=True) == Split([b"one", b"two"], 7)


def test_a_line_that_is_too_long_is_split_between_characters() -> None:
    line = "新".encode() * LINE_BYTES

    records, size = split(line[: LINE_BYTES + 100])

    assert len(records) == 1
    assert size == len(records[0]) <= LINE_BYTES
    assert set(records[0].decode()) == {"新"}
    whole = split(line + b"\n")
    assert b"".join(whole.records) == line
    assert max(map(len, whole.records)) <= LINE_BYTES


@pytest.mark.parametrize("text", [PYTHON, JAVA])
def test_a_stack_trace_stays_with_its_line(text: bytes) -> None:
    *trace, last = text.splitlines()

    records, size = split(text, Joiner)

    # The last line may continue, so it is not complete yet.
    assert records == [b"\n".join(trace)]
    assert text[size:] == last + b"\n"
    assert split(text, Joiner, at_end=True).records == [b"\n".join(trace), last]


def test_a_line_after_a_traceback_is_a_separate_record() -> None:
    text = b"Traceback (most recent call last):\n  File\nValueError: no\nINFO:root:next\nwarning: next\n"

    records = split(text, Joiner, at_end=True).records

    assert records == [
        b"Traceback (most recent call last):\n  File\nValueError: no",
        b"INFO:root:next",
        b"warning: next",
    ]


def test_an_endless_record_is_published_in_parts() -> None:
    text = b"first\n" + (b"  more" * 20 + b"\n") * (RECORD_BYTES // 20)

    records, size = split(text, Joiner)

    assert len(text) - size < RECORD_BYTES
    assert max(map(len, records)) < RECORD_BYTES


def test_many_blank_lines_are_read_quickly() -> None:
    data = b"first\n" + b"\n" * CHUNK_BYTES + b"next\n"

    begun = time.process_time()
    records = split(data, Joiner, at_end=True).records

    assert time.process_time() - begun < 1
    assert records == [b"first", b"next"]


PARTS = [b"a", b" b", b"\n", b"\n\n", b"Traceback (most recent call last)", b"E: x", b"Caused by: ", b"\r\n", b"\0"]


@given(st.lists(st.sampled_from(PARTS)).map(b"".join))
def test_records_are_the_same_however_their_bytes_are_split(data: bytes) -> None:
    for joiner in (None, Joiner):
        whole = split(data, joiner, at_end=True).records
        found: list[bytes] = []
        buffer = b""
        for at in range(len(data)):
            buffer += data[at : at + 1]
            records, size = split(buffer, joiner)
            found += records
            buffer = buffer[size:]
        found += split(buffer, joiner, at_end=True).records
        assert found == whole
