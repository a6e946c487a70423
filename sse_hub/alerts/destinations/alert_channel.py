"""
The channel of alerts: each alert is a line of it, once, so that pages and programs can read alerts as they read lines.

    alerts --> line_of() --> AcknowledgedPublisher.publish_each(), with their ids as keys --> sse-hub.alerts

An alert may come twice, if a process dies before it has marked it as sent. Its key then says so; should a failover have
lost the key, the line id tells readers of the log.
"""

from collections.abc import Sequence

import orjson

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.rule import ALERT_CHANNEL
from sse_hub.errors import HubError, NotSent, error_text
from sse_hub.history.publisher import AcknowledgedPublisher

# No client may be called that, so no Idempotency-Key of a request is one of ours.
SUBJECT = "\x00alerts"
LEVELS = {"fired": "warning", "back": "info", "given-up": "error"}


class AlertChannel:
    """Publishes alerts on the channel ALERT_CHANNEL, which this hub has to record."""

    # A line takes as long as a hundred: until they are recorded.
    at_once = 100

    def __init__(self, publisher: AcknowledgedPublisher) -> None:
        self._publisher = publisher

    @property
    def kind(self) -> str:
        return "channel"

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Publish `alerts`, and return when they are recorded. Raises NotSent."""
        try:
            lines = {alert.id: line_of(alert) for alert in alerts}
            await self._publisher.publish_each(ALERT_CHANNEL, lines, SUBJECT)
        except HubError as error:
            raise NotSent(f"{error_text(error)}.") from None

    async def close(self) -> None:
        """Nothing stays open."""


def line_of(alert: Alert) -> bytes:
    """The line for `alert`, a flat JSON object."""
    members: dict[str, str | int] = {
        "level": alert.level or LEVELS[alert.kind],
        "message": alert.text,
        "rule": alert.rule,
        "alert": alert.id,
        "kind": alert.kind,
        "group": alert.group_text,
        "count": alert.count,
        "channel": alert.channel,
        "line": alert.last,
        # Last, where readers of the log look for it.
        "line_id": alert.id,
    }
    return orjson.dumps(members)
