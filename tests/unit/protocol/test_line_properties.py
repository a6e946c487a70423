"""Any payload becomes one event with its own id and the text of one JSON object, for any exact decoder."""

import json
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sse_hub.protocol.lines import normalize, with_channel
from sse_hub.protocol.sse import event_frame
from tests.support.sse_client import Decoder, Event

ID = b"1732160000000-5"
LINE_END = re.compile(r"\r\n|\n|\r")
# Besides arbitrary bytes, these are what breaks decoders.
PIECES = [b"\r", b"\n", b"\r\n", b"\n\n", b"data: x", b"id: 9", b"event: gap", b"retry: 1", b":", b" ", b"\0", b"\xff"]
PIECES += [b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"{", b"}", b'"', b"\\", b"\\ud800", b"\\u000a", b"[", b"NaN", b'"@event"']
payloads = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join),
)
objects = st.dictionaries(st.text(max_size=8), st.one_of(st.text(max_size=9), st.integers(), st.none()), max_size=4)


def is_object(payload: bytes) -> bool:
    """True for the text of one JSON object, as JSON.parse understands it."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return isinstance(json.loads(payload.decode(), parse_constant=refuse), dict)
    except ValueError:
        return False


def decoded(frame: bytes) -> Event:
    """The only event of `frame`, after which the stream continues normally."""
    decoder = Decoder()
    events = decoder.feed(frame + b"data: next\n\n")
    assert decoder.retry_ms is None
    assert decoder.comments == []
    assert events[1:] == [Event("message", "next", ID.decode())]
    return events[0]


def frame_of(payload: bytes) -> tuple[bytes, str]:
    line, event = normalize(payload, 1_000)
    return event_frame(ID, event.encode(), line), event


@settings(max_examples=400)
@given(payloads)
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b'{"a": 1}\r')
@example(b'{"a":\r1}')
def test_any_payload_becomes_one_event_with_one_json_object(payload: bytes) -> None:
    frame, name = frame_of(payload)

    event = decoded(frame)

    assert (event.id, event.type) == (ID.decode(), name)
    if is_object(payload):
        assert event.data == LINE_END.sub("\n", payload.decode())
    else:
        assert json.loads(event.data) == {"info": payload.decode(errors="replace")}


@settings(max_examples=100)
@given(objects, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from([None, 1, "\t"]))
def test_an_object_arrives_unchanged_except_its_line_ends(
    record: dict[str, object], end: str, indent: int | str | None
) -> None:
    text = json.dumps(record, indent=indent, ensure_ascii=False).replace("\n", end)

    event = decoded(event_frame(ID, b"message", normalize(text.encode(), 100_000)[0]))

    assert event.data == LINE_END.sub("\n", text)
    assert json.loads(event.data) == record


@settings(max_examples=100)
@given(payloads | objects.map(lambda record: json.dumps(record | {"@channel": "bank"}).encode()))
@example(b'{"\\u0040channel": "bank"}')
def test_the_channel_of_a_line_is_the_one_it_was_published_on(payload: bytes) -> None:
    line, _ = normalize(payload, 1_000)

    event = decoded(event_frame(ID, b"message", with_channel(line, "log")))

    pairs = json.loads(event.data, object_pairs_hook=lambda pairs: pairs)
    assert pairs[0] == ("@channel", "log")
    assert dict(pairs)["@channel"] == "log", "JSON.parse keeps the last of two equal names"
