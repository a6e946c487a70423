"""A line that was published twice is recognized by its `line_id` alone."""

import pytest

from sse_hub.protocol.line_ids import SeenLineIds


def test_the_same_line_id_on_the_same_channel_is_a_repeat() -> None:
    known = SeenLineIds()
    line = b'{"message":"paid","line_id":"w-1"}'

    assert [known.is_repeat(channel, line) for channel in ("a", "a", "b", "b")] == [False, True, False, True]
    assert known.is_repeat("a", b'{"other": 1, "line_id" : "w-1" }')


@pytest.mark.parametrize(
    "line",
    [
        b'{"line_id":"w-1","message":"paid"}',
        b'{"message":{"line_id":"w-1"}}',
        b'{"info":"\\"line_id\\":\\"w-1\\"}"}',
        b'{"info":"\\"line_id\\":\\"w-1"}',
        b'{"line_id":1}',
        b'{"line_id":""}',
        b'{"line_id":"%b"}' % (b"x" * 129),
        b"{}",
        b"",
    ],
)
def test_a_nested_or_malformed_line_id_is_ignored(line: bytes) -> None:
    known = SeenLineIds()

    assert not known.is_repeat("a", b'{"line_id":"w-1"}')
    assert [known.is_repeat("a", line), known.is_repeat("a", line)] == [False, False]
