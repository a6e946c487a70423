"""
`GET /message`: the stream.

    request --> Grant --> Selection, StreamSlot, StartAt --> stream_events()
"""

from sanic import Request

from sse_hub.auth import Grant
from sse_hub.errors import LimitExceeded, SourceUnavailable
from sse_hub.http.admission import StreamSlot
from sse_hub.http.authorization import authorize
from sse_hub.http.context import Context, context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.event_stream import reject_with_retry, stream_events
from sse_hub.http.parameters import client_address, integer_in, requested_selection, start_of
from sse_hub.http.response import get_route
from sse_hub.hub.subscriber import Subscriber
from sse_hub.protocol.selection import Selection

MAX_RATE = 1_000_000

message_routes = api_blueprint("sse_hub_message")


@get_route(message_routes, "/message")
async def message(request: Request) -> None:
    """The stream: see docs/protocol.md."""
    context = context_of(request.app)
    limits, address = context.admission, client_address(request, context)
    try:
        # Before anything is asked of Redis, which knows the tickets.
        if error := limits.check(address):
            raise error
        grant = await authorize(request, context)
        selection = grant.restrict(requested_selection(request, context))
        with limits.take_slot(address, grant.subject) as slot:
            await _stream(request, context, grant, selection, slot)
    except LimitExceeded as error:
        limits.record_refusal(error.reason, str(error))
        await reject_with_retry(request, start_of(request), error)
    except SourceUnavailable:
        await reject_with_retry(request, start_of(request))


async def _stream(request: Request, context: Context, grant: Grant, selection: Selection, slot: StreamSlot) -> None:
    batch = integer_in(request, "batch", 0, 0, 1) == 1
    guard = integer_in(request, "guard", 0, 0, MAX_RATE)

    def hold(subscriber: Subscriber) -> None:
        context.auth.stream_expiry.watch(grant, subscriber)
        slot.keep()
        subscriber.on_close(lambda _: slot.release())

    await stream_events(request, context.hub, selection, start_of(request), batch, guard, hold)
