"""
One round of recording: what the log still lacks to be complete up to a fence. Pure; no I/O.

    rings, watermark --> AppendRound.after() --> next_batches() --> one script --> mark_appended(), until `finished`

A round outlives a script that fails: the next one goes on where it was.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sse_hub.history.append_batch import AppendBatch, append_batches
from sse_hub.hub.channel import Channel
from sse_hub.hub.counters import OVERLAPPING_REASONS
from sse_hub.hub.ingest import Ingest
from sse_hub.protocol.ids import EventId

# Processes notice separately that lines are missing, each within this time.
NOTICED_LATER_MS = 3_000

LogGapMark = tuple[int, int, str]
"""The fence before a gap of the whole log, the fence after it, and the reason."""


@dataclass(slots=True)
class AppendRound:
    """
    `ends` has the channels to append, each with the ring index at which the round ends; `fence` (ms) is the watermark
    once all have been appended.

    `complete_since` is the fence since which the rings had every line when recording started. Once the rings say
    another, the session was cut, and the round must not go on. `replaced` is set when recording has started again:
    an answer to a script of this round then says nothing about the new one.
    """

    complete_since: int | None
    fence: int
    ends: dict[Channel, int]
    log_gaps: list[LogGapMark]
    # The end of the last gap of the whole log that this round, or one before it, has got from the ingest.
    gaps_to: int = 0
    # What is missing before the next line of a channel, as "reason lost".
    channel_gaps: dict[Channel, str] = field(default_factory=dict)
    replaced: bool = False

    @classmethod
    def after(cls, watermark: int, ingest: Ingest, missing_reason: str) -> "AppendRound":
        """
        The first round of a recorder: all that the rings hold after `watermark`, a fence in ms.

        It is appended from the watermark on; the script skips ids that the log has already. `missing_reason` is the
        reason of the gap before a ring that doesn't reach back to the watermark.
        """
        log_gaps = []
        told_to = set()
        for after, before, reason in ingest.gaps:
            if reason in OVERLAPPING_REASONS:
                # The recorder before this one may have died before it noticed what this process has.
                if before > watermark - NOTICED_LATER_MS:
                    log_gaps.append((after, before, reason))
            elif before > watermark:
                log_gaps.append((max(after, watermark), before, reason))
                told_to.add(EventId(before, 0))
        if ingest.first_fence is not None and ingest.first_fence > watermark:
            log_gaps.insert(0, (watermark, ingest.first_fence, ingest.first_reason))
        recorded_to = EventId(watermark, 0)
        known_from = EventId(max(watermark, ingest.first_fence or 0), 0)
        gaps_to = ingest.gaps[-1][1] if ingest.gaps else 0
        first_round = cls(ingest.complete_since, ingest.last_fence, {}, log_gaps, gaps_to)
        for channel in ingest.registry.recorded():
            channel.recorded_to = channel.ring.index_after(recorded_to)
            # One that had its first line after a cut lacks nothing but what the gap of the cut tells.
            is_new = channel.ring.start in told_to and channel.ring.first == 0
            if channel.ring.start > known_from and not is_new:
                first_round.channel_gaps[channel] = f"{missing_reason} -"
            first_round.ends[channel] = channel.ring.end
        return first_round

    @property
    def finished(self) -> bool:
        """True when every channel has been appended up to its end."""
        return not self.ends

    def extend(self, channels: Iterable[Channel], fence: int, gaps: Iterable[LogGapMark] = ()) -> None:
        """
        Append what `channels` hold now, too; the watermark becomes `fence`.

        `gaps` are those of the ingest. Within a session, those that have come since are of lines missing among others.
        """
        self.ends |= {channel: channel.ring.end for channel in channels}
        self.fence = fence
        for gap in gaps:
            if gap[1] > self.gaps_to:
                self.log_gaps.append(gap)
                self.gaps_to = gap[1]

    def next_batches(self) -> list[AppendBatch]:
        """What the next script is to append."""
        return append_batches(self.ends, self.channel_gaps)

    def is_last(self, batches: list[AppendBatch]) -> bool:
        """True when the round is finished once `batches` have been appended."""
        return len(batches) == len(self.ends) and all(batch.next_index >= self.ends[batch.channel] for batch in batches)

    def mark_appended(self, batches: list[AppendBatch]) -> None:
        """The log has `batches` now, and all gaps of the whole log."""
        self.log_gaps = []
        for batch in batches:
            batch.channel.recorded_to = batch.next_index
            self.channel_gaps.pop(batch.channel, None)
            if batch.next_index >= self.ends.get(batch.channel, 0):
                self.ends.pop(batch.channel, None)

    def restart(self, channel: Channel) -> None:
        """The stream of `channel` has vanished from Redis: append all that its ring still holds."""
        channel.recorded_to = channel.ring.first
        self.channel_gaps[channel] = "log-lost -"
