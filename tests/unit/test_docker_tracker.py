"""A container's log, read again and again while it grows, gives each line once: also after a restart within a line."""

from hypothesis import given
from hypothesis import strategies as st

from sse_hub.commands.docker.dedupe import Deduplicator
from sse_hub.commands.docker.log_frames import NANOSECONDS, STDERR, STDOUT, LogMessage
from sse_hub.commands.docker.positions import position, time_of_position

SECONDS = st.integers(min_value=0, max_value=2)
PARTS = st.tuples(SECONDS, st.sampled_from([STDOUT, STDERR]), st.booleans())
# How many more messages the log has, and whether the process is another one.
LOOKS = st.lists(st.tuples(st.integers(min_value=0, max_value=6), st.booleans()), max_size=12)


def messages_of(parts: list[tuple[int, int, bool]]) -> list[LogMessage]:
    """Messages with texts of their own; the first number is the seconds since the one before."""
    messages, second = [], 1
    for number, (later, stream, ends) in enumerate(parts):
        second += later
        messages.append(LogMessage(stream, second * NANOSECONDS, b"%d," % number, ends))
    return messages


def lines_of(messages: list[LogMessage]) -> dict[int, list[bytes]]:
    texts = {STDOUT: b"", STDERR: b""}
    for message in messages:
        texts[message.stream] += message.text + (b"\n" if message.ends else b"")
    return {stream: [line for line in text.split(b"\n")[:-1] if line] for stream, text in texts.items()}


def since_of(trackers: dict[int, Deduplicator]) -> int:
    """From where another process must read: all before it has been handed on."""
    newest = max(tracker.taken for tracker in trackers.values())
    unfinished = [at for tracker in trackers.values() if (at := tracker.unfinished) is not None]
    return time_of_position(min([newest, *unfinished]))


@given(st.lists(PARTS, max_size=40), LOOKS)
def test_each_line_comes_once_however_its_log_is_read(
    parts: list[tuple[int, int, bool]], looks: list[tuple[int, bool]]
) -> None:
    log = messages_of(parts)
    trackers = {stream: Deduplicator(position(0, 0)) for stream in (STDOUT, STDERR)}
    found: dict[int, list[bytes]] = {STDOUT: [], STDERR: []}
    size, since = 0, 0

    for more, another in [*looks, (len(log), False)]:
        size += more
        if another:
            since = since_of(trackers)
            trackers = {stream: Deduplicator(tracker.handed) for stream, tracker in trackers.items()}
        for tracker in trackers.values():
            tracker.again()
        for message in log[:size]:
            if message.time >= since and (taken := trackers[message.stream].take(message)):
                trackers[message.stream].handed = taken[0]
                found[message.stream] += taken[1]
        since = max(since, time_of_position(max(tracker.taken for tracker in trackers.values())))

    assert found == lines_of(log)
