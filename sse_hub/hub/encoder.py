"""
Entries of rings as frames, in each of the three shapes that a stream can have. Pure: no I/O.

    slices of entries --> encoder_of(selection, batch) --> frames, and the position moved past them

An encoder runs once for all subscribers of a feed. Only for one that has fallen behind it runs separately.
"""

from collections.abc import Callable, Iterable

from sse_hub.hub.position import Position
from sse_hub.hub.ring import Batch, Entry, EntrySlice, RingGap
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.lines import MESSAGE, with_channel
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import Row, event_frame, gap_frame, lines_frame

# A frame of a batch=1 stream has at most this many lines, so that a page never parses one for long.
LINES_PER_FRAME = 500
# Shorter batches are encoded together: with `batch=1`, each would become a separate event.
SHARED_LINES = 32

Encoder = Callable[[Position, Iterable[EntrySlice]], list[bytes]]


def encoder_of(selection: Selection, batch: bool) -> Encoder:
    """The encoder for streams of `selection`: returns frames for slices, and moves the position past them."""
    if batch:
        return batched_frames
    return single_frames if selection.single else merged_frames


def encode_once(encode: Encoder) -> Encoder:
    """
    `encode` for one channel's lines from the log: encodes a whole batch once for all its readers.

    The frames of a stream of one channel are the same for every reader.
    """

    def encode_once(position: Position, slices: Iterable[EntrySlice]) -> list[bytes]:
        frames: list[bytes] = []
        rest: list[EntrySlice] = []
        for entry, start, stop in slices:
            if isinstance(entry, RingGap) or stop - start < max(entry.length, SHARED_LINES):
                rest.append((entry, start, stop))
                continue
            frames += encode(position, rest)
            rest = []
            entry.frames = entry.frames or {}
            if encode in entry.frames:
                advance(position, entry, stop)
            else:
                entry.frames[encode] = b"".join(encode(position, [(entry, start, stop)]))
            frames.append(entry.frames[encode])
        return frames + encode(position, rest)

    return encode_once


def single_frames(position: Position, slices: Iterable[EntrySlice]) -> list[bytes]:
    """One event for each line, with the line's id."""
    frames: list[bytes] = []
    for entry, start, stop in slices:
        if isinstance(entry, RingGap):
            frames += _gap_frames(position, entry)
            continue
        lines, events, multiline = entry.normalized()
        numbered = enumerate(lines if stop - start == entry.length else lines[start:stop], entry.first + start)
        if multiline or events:
            for count, line in numbered:
                id = b"%d-%d" % (entry.fence, count)
                frames.append(event_frame(id, events.get(count - entry.first, MESSAGE).encode(), line))
        else:
            # The hot path: as event_frame(), without a call for each line.
            fence = entry.fence
            frames += [b"id: %d-%d\nevent: message\ndata: %b\n\n" % (fence, count, line) for count, line in numbered]
        advance(position, entry, stop)
    return frames


def merged_frames(position: Position, slices: Iterable[EntrySlice]) -> list[bytes]:
    """One event for each line of several channels; its id is the cursor over all, its data names the channel."""
    frames: list[bytes] = []
    for entry, start, stop in slices:
        if isinstance(entry, RingGap):
            frames += _gap_frames(position, entry)
            continue
        lines, events, _ = entry.normalized()
        for offset, line in enumerate(lines[start:stop], start):
            position.move_cursor(entry.channel, entry.fence, entry.first + offset)
            event = events.get(offset, MESSAGE).encode()
            frames.append(event_frame(position.cursor(), event, with_channel(line, entry.channel)))
        advance(position, entry, stop)
    return frames


def batched_frames(position: Position, slices: Iterable[EntrySlice]) -> list[bytes]:
    """Events of up to LINES_PER_FRAME lines; the id of each is the cursor after the last line."""
    frames: list[bytes] = []
    rows: list[Row] = []
    for entry, start, stop in slices:
        if isinstance(entry, RingGap):
            if rows:
                frames.append(lines_frame(position.cursor(), rows))
                rows = []
            frames += _gap_frames(position, entry)
            continue
        counts = range(entry.first + start, entry.first + stop)
        for count, line, moment in zip(counts, entry.lines[start:stop], entry.moments(start, stop), strict=True):
            rows.append((f"{entry.fence}-{count}", entry.channel, line.decode(), moment))
            if len(rows) == LINES_PER_FRAME:
                position.move_cursor(entry.channel, entry.fence, count)
                frames.append(lines_frame(position.cursor(), rows))
                rows = []
        advance(position, entry, stop)
    if rows:
        frames.append(lines_frame(position.cursor(), rows))
    return frames


def advance(position: Position, entry: Entry, stop: int) -> None:
    """Move `position` past the lines of `entry` before the offset `stop`, or past a gap."""
    if isinstance(entry, Batch):
        position.move(entry.channel, entry.index + stop, EventId(entry.fence, entry.first + stop - 1))
    elif entry.for_lines or position.names == {entry.channel}:
        position.move(entry.channel, entry.index + 1, entry.last)
    else:
        # A session's gap ends at the same fence on all channels. With several channels, a new id would say that the
        # gaps of the others were sent as well, so the cursor stays. The next line or heartbeat moves it; a client that
        # reconnects before it gets these gaps again.
        position.pass_gap(entry.channel, entry.index + 1, entry.last)


def _gap_frames(position: Position, entry: RingGap) -> list[bytes]:
    advance(position, entry, 1)
    if entry.channel not in position.names and not entry.alone:
        # The ring of its pattern has this gap, too, for all channels that match, known or not.
        return []
    return [gap_frame(position.cursor(), entry.gap)]
