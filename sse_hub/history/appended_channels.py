"""
The channels that this process has appended lines of: whoever reads the rings behind the recorder looks at no others.
Pure: no I/O.

    Recorder: begin(watermark), add(channel) --> take() --> rings with lines that are recorded now
"""

from sse_hub.hub.channel import Channel


class AppendedChannels:
    """
    `since` is the watermark (a fence, ms) from which on this process has appended everything, and `complete_to` the one
    up to which it has: others may learn of a watermark before it has told here which channels it is about.
    `beginnings` counts how often it has begun to record.
    """

    def __init__(self) -> None:
        self.since = 0
        self.complete_to = 0
        self.beginnings = 0
        # Also those that the hub has forgotten meanwhile: their rings are still whole.
        self._channels: dict[Channel, None] = {}

    def begin(self, watermark: int) -> None:
        """This process appends what comes after `watermark`."""
        self.since = self.complete_to = watermark
        self.beginnings += 1
        self._channels.clear()

    def add(self, channel: Channel) -> None:
        """Lines of `channel` were appended, up to its `recorded_to`."""
        self._channels[channel] = None

    def advance(self, watermark: int) -> None:
        """All lines before `watermark` were appended, and their channels added."""
        self.complete_to = watermark

    def take(self) -> list[Channel]:
        """The channels that were added since the last call."""
        channels, self._channels = self._channels, {}
        return list(channels)
