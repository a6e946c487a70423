"""
What one script appends to the log: some lines of some rings, as words for `lua/append.lua`. Pure; no I/O.

    channels with lines that are not in the log --> portions_of() --> Portion(words, how far that goes in the ring)
"""

from collections.abc import Mapping, MutableMapping
from typing import NamedTuple

from sse_hub.hub.channel import Channel
from sse_hub.hub.ring import RingGap

# One script appends about this much at most: Redis serves nobody else meanwhile.
SCRIPT_LINES = 500
SCRIPT_BYTES = 256 * 1024


class AppendBatch(NamedTuple):
    """What one script appends of a channel: `words` for the script, and the index in the ring that comes after."""

    channel: Channel
    words: list[bytes | str | int]
    pieces: int
    next: int
    lines: int
    size: int


def append_batches(pending: Mapping[Channel, int], holes: MutableMapping[Channel, str]) -> list[AppendBatch]:
    """
    What to append next of the channels in `pending`, up to the index there. `holes` says what is missing before it,
    as "reason lost"; what a ring has evicted meanwhile is added to them.
    """
    portions: list[AppendBatch] = []
    lines = size = 0
    for channel, end in pending.items():
        portion = _append_batch(channel, end, holes, SCRIPT_LINES - lines, SCRIPT_BYTES - size)
        portions.append(portion)
        lines += max(1, portion.lines)
        size += portion.size
        if lines >= SCRIPT_LINES or size >= SCRIPT_BYTES:
            break
    return portions


def _append_batch(
    channel: Channel, end: int, holes: MutableMapping[Channel, str], lines_wanted: int, bytes_wanted: int
) -> AppendBatch:
    ring = channel.ring
    at = channel.recorded_to
    words: list[bytes | str | int] = []
    pieces = lines = size = 0
    if at < ring.first:
        # Evicted before it could be appended.
        holes.setdefault(channel, f"trimmed {ring.first - at}")
        at = ring.first
    if channel in holes:
        words += [ring.start.fence, ring.start.n, 0, holes[channel]]
        pieces += 1
    for entry in ring.entries_from(at):
        if lines >= lines_wanted or size >= bytes_wanted or at >= end:
            break
        stop = entry.length
        # A break is told for all channels at once, unless it is of this one alone.
        if isinstance(entry, RingGap):
            if entry.alone:
                lost = "-" if entry.gap.lost is None else entry.gap.lost
                words += [entry.fence, entry.first, 0, f"{entry.gap.reason} {lost}"]
                pieces += 1
        else:
            start = at - entry.index
            fitting = max(1, (bytes_wanted - size) * entry.length // entry.size)
            stop = min(entry.length, start + lines_wanted - lines, start + fitting)
            words += [entry.fence, entry.first + start, stop - start, *entry.lines[start:stop]]
            pieces += 1
            lines += stop - start
            size += entry.size * (stop - start) // entry.length
        at = entry.index + stop
        if stop < entry.length:
            break
    return AppendBatch(channel, words, pieces, at, lines, size)
