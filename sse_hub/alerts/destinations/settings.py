"""
What a rule file says of a destination. Pure: no I/O.

    parse_destination() --> DestinationSettings --> create_destination()
"""

from dataclasses import dataclass
from typing import Literal

from sse_hub.alerts.destinations.body import BodyTemplate
from sse_hub.alerts.destinations.secret import Secret

DestinationKind = Literal["webhook", "apprise"]


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """
    What the file says of one destination.

    `secret` signs what is sent, and `body` makes it, if they are given. With `allow_private` its address may be any. It
    has `timeout_seconds` to take an alert.
    """

    name: str
    kind: DestinationKind
    url: Secret
    secret: Secret | None = None
    allow_private: bool = False
    timeout_seconds: int = 10
    body: BodyTemplate | None = None
