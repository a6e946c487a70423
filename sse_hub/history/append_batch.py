"""
What one script appends to the log: some lines of some channels, as arguments of `lua/append.lua`. Pure; no I/O.

    channels with unrecorded lines --> append_batches() --> AppendBatch(args, next_index), one for each channel
"""

from collections.abc import Mapping, MutableMapping
from typing import NamedTuple

from sse_hub.hub.channel import Channel
from sse_hub.hub.ring import RingGap

# About the most that one script appends: Redis serves nobody else while it runs.
SCRIPT_LINES = 500
SCRIPT_BYTES = 256 * 1024

ScriptArg = bytes | str | int


class AppendBatch(NamedTuple):
    """
    What one script appends for `channel`.

    `args` describe `pieces` runs of lines or gaps, with `lines` lines and about `size` bytes in all. `next_index` is
    the ring index from which the next batch goes on.
    """

    channel: Channel
    args: list[ScriptArg]
    pieces: int
    next_index: int
    lines: int
    size: int


def append_batches(ends: Mapping[Channel, int], channel_gaps: MutableMapping[Channel, str]) -> list[AppendBatch]:
    """
    The next batches for one script: of each channel in `ends`, lines before that ring index, within its limits.

    `channel_gaps` has "reason lost" for each channel that lacks lines before its batch. A gap is added for what a ring
    has evicted in the meantime.
    """
    batches: list[AppendBatch] = []
    lines = size = 0
    for channel, end in ends.items():
        batch = _append_batch(channel, end, channel_gaps, SCRIPT_LINES - lines, SCRIPT_BYTES - size)
        batches.append(batch)
        lines += max(1, batch.lines)
        size += batch.size
        if lines >= SCRIPT_LINES or size >= SCRIPT_BYTES:
            break
    return batches


def _append_batch(
    channel: Channel, end: int, channel_gaps: MutableMapping[Channel, str], max_lines: int, max_bytes: int
) -> AppendBatch:
    ring = channel.ring
    index = channel.recorded_to
    args: list[ScriptArg] = []
    pieces = lines = size = 0
    if index < ring.first:
        # Evicted before it could be appended.
        channel_gaps.setdefault(channel, f"trimmed {ring.first - index}")
        index = ring.first
    if channel in channel_gaps:
        args += [ring.start.fence, ring.start.n, 0, channel_gaps[channel]]
        pieces += 1
    for entry in ring.entries_from(index):
        if lines >= max_lines or size >= max_bytes or index >= end:
            break
        stop = entry.length
        if isinstance(entry, RingGap):
            # A gap of all channels is appended once, as a gap of the log.
            if entry.alone:
                lost = "-" if entry.gap.lost is None else entry.gap.lost
                args += [entry.fence, entry.first, 0, f"{entry.gap.reason} {lost}"]
                pieces += 1
        else:
            start = index - entry.index
            fitting = max(1, (max_bytes - size) * entry.length // entry.size)
            stop = min(entry.length, start + max_lines - lines, start + fitting)
            for begin, end_of_run, moment in entry.runs(start, stop):
                args += [entry.fence, entry.first + begin, end_of_run - begin, moment - entry.fence]
                args += entry.lines[begin:end_of_run]
                pieces += 1
            lines += stop - start
            size += entry.size * (stop - start) // entry.length
        index = entry.index + stop
        if stop < entry.length:
            break
    return AppendBatch(channel, args, pieces, index, lines, size)
