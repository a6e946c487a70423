"""
The destination that settings describe.

    DestinationSettings --> create_destination() --> Webhook, AppriseService
"""

from sse_hub.alerts.destinations.apprise import AppriseService
from sse_hub.alerts.destinations.sending import Destination
from sse_hub.alerts.destinations.settings import DestinationSettings


def create_destination(settings: DestinationSettings) -> Destination:
    """The destination; it has not connected yet. Raises ValueError, without anything secret, if it can't be used."""
    if settings.kind != "webhook":
        return AppriseService(settings)
    # A hub without webhooks starts without importing httpx, which takes a tenth of the time.
    from sse_hub.alerts.destinations.webhook import Webhook

    return Webhook(settings)
