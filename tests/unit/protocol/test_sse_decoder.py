"""The SSE decoder: the standard's examples, and the rules that decoders most often get wrong."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sse_hub.protocol import sse_decoder as decoder
from tests.support.sse_client import Decoder, Event


def decode(*pieces: bytes) -> list[Event]:
    decoder = Decoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def data(*pieces: bytes) -> list[str]:
    return [event.data for event in decode(*pieces)]


# The examples of https://html.spec.whatwg.org/multipage/server-sent-events.html, in order.


def test_the_standards_example_of_a_message_in_three_lines() -> None:
    assert decode(b"data: YHOO\ndata: +2\ndata: 10\n\n") == [Event("message", "YHOO\n+2\n10", "")]


def test_the_standards_example_of_four_blocks() -> None:
    stream = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"

    events = decode(stream)

    assert events == [
        Event("message", "first event", "1"),
        Event("message", "second event", ""),
        Event("message", " third event", ""),
    ]


def test_the_standards_example_of_empty_data() -> None:
    """Two events: an empty one, one of a single newline. The last block has no empty line after it."""
    assert data(b"data\n\ndata\ndata\n\ndata:") == ["", "\n"]


def test_the_standards_example_of_the_optional_space() -> None:
    assert data(b"data:test\n\ndata: test\n\n") == ["test", "test"]


def test_the_standards_example_of_named_events() -> None:
    stream = b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n"

    assert [(event.type, event.data) for event in decode(stream)] == [
        ("add", "73857293"),
        ("remove", "2153"),
        ("add", "113411"),
    ]


# The rules.


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_line_ends_at_lf_cr_or_crlf(end: bytes) -> None:
    assert data(end.join([b"data: a", b"data: b", b"", b"data: c", b"", b""])) == ["a\nb", "c"]


def test_other_unicode_line_separators_do_not_end_a_line() -> None:
    text = "a\u2028b\u2029c\x85d\x0be\x0cf"

    assert data(f"data: {text}\n\n".encode()) == [text]


def test_a_crlf_split_between_chunks_is_one_line_end() -> None:
    assert data(b"data: a\r", b"\ndata: b\r", b"\n", b"\r", b"\n") == ["a\nb"]


def test_a_cr_at_the_end_of_a_chunk_dispatches_at_once() -> None:
    decoder = Decoder()

    assert [event.data for event in decoder.feed(b"data: a\r\r")] == ["a"]
    assert decoder.feed(b"\n") == []


def test_only_a_byte_order_mark_at_the_beginning_is_dropped() -> None:
    assert data(b"\xef", b"\xbb\xbf", b"data: a\n\n") == ["a"]
    assert data(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n") == []
    assert data(b"data: \xef\xbb\xbfa\n\n\xef\xbb\xbfdata: b\n\n") == ["\ufeffa"]


def test_a_character_split_between_chunks_is_decoded() -> None:
    assert data(b"data: \xe2\x82", b"\xac\n\n") == ["€"]


def test_invalid_utf_8_becomes_replacement_characters() -> None:
    assert data(b"data: \xff\xe2\x82\n\n") == ["\ufffd\ufffd"]


def test_an_id_is_set_at_dispatch_even_without_data() -> None:
    decoder = Decoder()

    assert decoder.feed(b"id: 7\n") == []
    assert decoder.last_event_id == ""
    assert decoder.feed(b"\n") == []
    assert decoder.last_event_id == "7"


def test_an_id_stays_until_the_next_one() -> None:
    assert [event.id for event in decode(b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n")] == ["1", "1", ""]


def test_a_resumed_stream_keeps_its_last_event_id_until_the_next_one() -> None:
    """As in browsers. A hub without Redis sends only a `retry:`, and the client must keep its position."""
    resumed = decoder.SseDecoder("7")

    assert resumed.feed(b"retry: 2000\n\n") == []
    assert resumed.last_event_id == "7"
    assert resumed.feed(b"data: a\n\nid: 8\ndata: b\n\n") == [Event("message", "a", "7"), Event("message", "b", "8")]


def test_an_id_with_nul_is_ignored() -> None:
    assert [event.id for event in decode(b"id: 1\ndata: a\n\nid: 2\x003\ndata: b\n\n")] == ["1", "1"]


def test_an_event_name_is_reset_when_its_event_has_no_data() -> None:
    assert [event.type for event in decode(b"event: a\n\ndata: x\n\n")] == ["message"]


def test_retry_accepts_only_digits() -> None:
    decoder = Decoder()
    decoder.feed(
        b"retry: 2000\nretry: 1e3\nretry: -1\nretry:\nretry\nretry:  5\nretry: \xd9\xa3\nretry: "
        + b"9" * 5_000
        + b"\n\n"
    )

    assert decoder.retry_ms == 2000


def test_comments_and_unknown_fields_dispatch_no_event() -> None:
    decoder = Decoder()

    assert decoder.feed(b": heartbeat\n:\nData: a\n data: b\ndata : c\nx\n\n") == []
    assert decoder.comments == [" heartbeat", ""]


def test_an_event_without_its_final_empty_line_is_dropped() -> None:
    assert data(b"data: a\n\ndata: b\n") == ["a"]


def read_whole(stream: bytes) -> list[Event]:
    """The events of a whole stream, written straight from the standard: slow, but short enough to check by reading."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    *blocks, _ = text.split("\n\n") if not text.startswith("\n") else ["", *text.lstrip("\n").split("\n\n")]
    events, id = [], ""
    for block in blocks:
        data, type = "", ""
        for line in block.split("\n"):
            field, _, value = line.partition(":")
            value = value[1:] if value[:1] == " " else value
            if field == "data":
                data += value + "\n"
            elif field == "event":
                type = value
            elif field == "id" and "\0" not in value:
                id = value
        if data:
            events.append(Event(type or "message", data[:-1], id))
    return events


WORDS = [b"data: ", b"id: 1", b"event: e", b"retry: ", b"\r", b"\n", b"\r\n", b":", b"\xef\xbb\xbf", b"\xe2\x82\xac"]
WORDS += [b"\0", b"x", b"7", b"\xff", b"\xe2", b"data", b"id", b"event", b" "]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(WORDS), max_size=40).map(b"".join) | st.binary(max_size=40))
@example(b"retry: " + b"9" * 5_000 + b"\n\ndata: x\n\n")
def test_any_bytes_in_any_chunks_give_the_events_of_the_standard(stream: bytes) -> None:
    events = decode(stream)

    assert events == read_whole(stream)
    for size in (1, 2, 3, 7):
        assert decode(*(stream[at : at + size] for at in range(0, len(stream), size))) == events
