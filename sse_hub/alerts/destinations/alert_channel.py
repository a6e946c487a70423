"""
The channel of alerts: each alert is a line of it, once, so that pages and programs can read alerts as they read lines.

    alert --> line_of() --> AcknowledgedPublisher, with the alert's id as Idempotency-Key --> sse-hub.alerts

An alert may come twice, if a process dies before it has marked it as sent. The key then returns what the first time
gave; should a failover have lost the key, the line id tells readers of the log.
"""

import orjson

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.rule import ALERT_CHANNEL
from sse_hub.errors import HubError, InvalidRequest, NotSent, error_text
from sse_hub.history.publisher import AcknowledgedPublisher

# No client may be called that, so no Idempotency-Key of a request is one of ours.
SUBJECT = "\x00alerts"
LEVELS = {"fired": "warning", "back": "info", "given-up": "error"}


class AlertChannel:
    """Publishes alerts on the channel ALERT_CHANNEL. `covered` says whether this hub records it."""

    def __init__(self, publisher: AcknowledgedPublisher, covered: bool) -> None:
        self._publisher = publisher
        self._covered = covered

    @property
    def kind(self) -> str:
        return "channel"

    async def send(self, alert: Alert) -> None:
        """Publish `alert`, and return when it is recorded. Raises NotSent."""
        if not self._covered:
            raise NotSent(f"--ingest does not cover the channel {ALERT_CHANNEL}.", hopeless=True)
        try:
            await self._publisher.publish(ALERT_CHANNEL, line_of(alert), alert.id, SUBJECT)
        except HubError as error:
            raise NotSent(f"{error_text(error)}.", isinstance(error, InvalidRequest)) from None

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
