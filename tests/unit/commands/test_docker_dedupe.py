"""A container's log that is read repeatedly while it grows gives each line once, also after a restart within a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.commands.docker.dedupe import Deduplicator
from sse_hub.commands.docker.log_frames import NANOSECONDS, STDERR, STDOUT, LogMessage
from sse_hub.commands.docker.positions import position, position_time
from sse_hub.commands.shipping.records import split
from sse_hub.formats.joining import Joiner, NewJoiner

SECONDS = st.integers(min_value=0, max_value=2)
PARTS = st.tuples(SECONDS, st.sampled_from([STDOUT, STDERR]), st.booleans())
# How many more messages the log has, and whether the command was restarted.
LOOKS = st.lists(st.tuples(st.integers(min_value=0, max_value=6), st.booleans()), max_size=12)


def messages_of(parts: list[tuple[int, int, bool]]) -> list[LogMessage]:
    """Messages with different texts. The first number is the seconds since the previous message."""
    messages, second = [], 1
    for number, (later, stream, ends) in enumerate(parts):
        second += later
        messages.append(
            LogMessage(stream, second * NANOSECONDS, (b"  %d," if number % 3 else b"panic: %d,") % number, ends)
        )
    return messages


def lines_of(messages: list[LogMessage]) -> dict[int, list[bytes]]:
    texts = {STDOUT: b"", STDERR: b""}
    for message in messages:
        texts[message.stream] += message.text + (b"\n" if message.ends_line else b"")
    return {stream: [line for line in text.split(b"\n")[:-1] if line] for stream, text in texts.items()}


def since_of(trackers: dict[int, Deduplicator]) -> int:
    """Where a restarted command must continue: everything before it was published."""
    newest = max(tracker.read_to for tracker in trackers.values())
    unfinished = [at for tracker in trackers.values() if (at := tracker.partial_from) is not None]
    return position_time(min([newest, *unfinished]))


def joined(lines: list[bytes]) -> list[bytes]:
    """The records that a joiner makes of `lines`."""
    return split(b"\n".join(lines), Joiner, at_end=True).records


@pytest.mark.parametrize("new_joiner", [None, Joiner])
@given(st.lists(PARTS, max_size=40), LOOKS)
def test_each_container_line_is_published_once_however_its_log_is_read(
    new_joiner: NewJoiner | None, parts: list[tuple[int, int, bool]], looks: list[tuple[int, bool]]
) -> None:
    log = messages_of(parts)
    trackers = {stream: Deduplicator(position(0, 0), new_joiner) for stream in (STDOUT, STDERR)}
    found: dict[int, list[bytes]] = {STDOUT: [], STDERR: []}
    size, since = 0, 0

    for more, another in [*looks, (len(log), False)]:
        size += more
        if another:
            since = since_of(trackers)
            trackers = {stream: Deduplicator(tracker.sent_to, new_joiner) for stream, tracker in trackers.items()}
        for tracker in trackers.values():
            tracker.rewind()
        for message in log[:size]:
            if message.time >= since and (taken := trackers[message.stream].add(message)):
                trackers[message.stream].sent_to = taken[0]
                found[message.stream] += taken[1]
        since = max(since, position_time(max(tracker.read_to for tracker in trackers.values())))

    for stream, tracker in trackers.items():
        if new_joiner and (last := tracker.end_record()):
            found[stream] += last[1]
    lines = lines_of(log)
    assert found == ({stream: joined(lines[stream]) for stream in lines} if new_joiner else lines)
