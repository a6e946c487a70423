"""Frames, read back by a decoder that follows the standard."""

import json

import pytest

from sse_hub.protocol.sse import (
    Gap,
    auth_frame,
    checkpoint_frame,
    event_frame,
    gap_frame,
    heartbeat_frame,
    http_chunk,
    lines_frame,
    refused_frame,
)
from tests.support.sse_client import Decoder


def test_an_event_frame_is_byte_for_byte_as_documented() -> None:
    assert event_frame(b"5-1", b"message", b'{"a":1}') == b'id: 5-1\nevent: message\ndata: {"a":1}\n\n'


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_in_a_payload_starts_another_data_line(end: bytes) -> None:
    frame = event_frame(b"5-1", b"message", b"{" + end + b'"a": 1' + end + b"}" + end)

    assert frame == b'id: 5-1\nevent: message\ndata: {\ndata: "a": 1\ndata: }\ndata: \n\n'


def test_mixed_line_ends_are_distinguished() -> None:
    (event,) = Decoder().feed(event_frame(b"5-1", b"message", b"a\r\rb\n\rc\r\n\nd"))

    assert event.data == "a\n\nb\n\nc\n\nd"


def test_a_gap_frame_has_all_its_members() -> None:
    (event,) = Decoder().feed(gap_frame(b"9-0", Gap("log", "5-1", "9-0", None, "recorder-down")))

    assert (event.type, event.id) == ("gap", "9-0")
    assert json.loads(event.data) == {
        "channel": "log",
        "after": "5-1",
        "before": "9-0",
        "lost": None,
        "reason": "recorder-down",
    }


def test_a_batch_is_one_event_whatever_its_lines_contain() -> None:
    rows = [("5-1", "log", '{\r\n"a": 1}', 7), ("5-2", "log", '{"b": "新"}', 8)]

    (event,) = Decoder().feed(lines_frame(b"5-2", rows))

    assert (event.type, event.id) == ("lines", "5-2")
    assert json.loads(event.data) == [list(row) for row in rows]


HUB_FRAMES = [
    checkpoint_frame(b"7-0", 1500),
    heartbeat_frame(b"7-0"),
    gap_frame(b"7-0", Gap("log", None, "9-0", 3, "slow")),
    auth_frame(b"7-0", 1500, "expired"),
    refused_frame(b"7-0", 1500, "address", "203.0.113.9 has 64 streams open, the maximum."),
    event_frame(b"7-0", b"closed", b"{}"),
]


@pytest.mark.parametrize("frame", HUB_FRAMES)
def test_each_frame_of_the_hub_is_one_block_with_an_id_a_name_and_an_object(frame: bytes) -> None:
    """I1, I2: client libraries keep no id of a block without data, or give it to the app as an event without data."""
    decoder = Decoder()

    (event,) = decoder.feed(frame)
    assert frame.count(b"\n\n") == 1
    assert (event.id, decoder.last_event_id) == ("7-0", "7-0")
    assert event.type != "message"
    assert isinstance(event.json, dict)


@pytest.mark.parametrize("frame", [frame for frame in HUB_FRAMES if not frame.startswith(b":")])
def test_each_frame_but_a_heartbeat_says_when_to_reconnect(frame: bytes) -> None:
    """I7: some libraries take the time only from the block of an event."""
    decoder = Decoder()

    decoder.feed(frame)
    assert decoder.retry_ms in (1500, 2000)


def test_the_first_block_is_byte_for_byte_as_documented() -> None:
    assert checkpoint_frame(b"5-0", 2000) == b"id: 5-0\nretry: 2000\nevent: checkpoint\ndata: {}\n\n"


def test_a_heartbeat_is_byte_for_byte_as_documented() -> None:
    assert heartbeat_frame(b"5-0") == b": heartbeat\nid: 5-0\nevent: checkpoint\ndata: {}\n\n"


def test_a_chunk_starts_with_its_length_in_hexadecimal() -> None:
    assert http_chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
