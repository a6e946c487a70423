"""
The alerts that tell of alerts which could not be sent. Pure: no I/O.

    entries that a destination was not given, and why --> given_up_alerts() --> one alert for each rule

An alert of this kind that can't be sent either makes no other: a destination that is away must not fill the outbox.
"""

from collections.abc import Iterable

from sse_hub.alerts.alert import Alert, alert_id

MAX_REASON_CHARACTERS = 200


def given_up_alerts(destination: str, lost: Iterable[Alert], reason: str, moment_ms: int) -> tuple[Alert, ...]:
    """
    The alerts to tell that `destination` was not given the alerts `lost`, in their order.

    They go to the other destinations of their rule. `reason` is a sentence, and `moment_ms` the time, since the epoch.
    """
    by_rule: dict[str, list[Alert]] = {}
    for each in lost:
        if each.kind != "given-up":
            by_rule.setdefault(each.rule, []).append(each)
    return tuple(_told(destination, alerts, reason, moment_ms) for alerts in by_rule.values())


def _told(destination: str, lost: list[Alert], reason: str, moment_ms: int) -> Alert:
    last, group = lost[-1], (("destination", destination),)
    alerts = "1 alert" if len(lost) == 1 else f"{len(lost)} alerts"
    return Alert(
        id=alert_id(last.rule, last.version, "given-up", group, last.id),
        rule=last.rule,
        version=last.version,
        kind="given-up",
        group=group,
        text=f"{alerts} of the rule {last.rule} could not be sent to {destination}. {reason[:MAX_REASON_CHARACTERS]}",
        count=len(lost),
        channel=last.channel,
        first=lost[0].first,
        last=last.last,
        moment_ms=moment_ms,
        level="error",
        to=tuple(name for name in last.to if name != destination),
    )
