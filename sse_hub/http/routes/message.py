"""
`GET /message`: the stream, from a request whose head `connection` has let pass to a subscriber of the hub.

    request --> authorize(): Grant --> Selection --> StreamSlot --> Hub.prepare_stream() --> .subscribe() --> stream
                                                        └──► a limit, or Redis is unavailable --> "come back later"
"""

from sanic import Request

from sse_hub.errors import LimitExceeded, SourceUnavailable
from sse_hub.http.authorization import authorize
from sse_hub.http.context import context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.event_stream import reject_with_retry, send_head, start_stream
from sse_hub.http.parameters import client_address, filter_of, integer_in, requested_selection, start_of
from sse_hub.http.response import get_route, transport_of
from sse_hub.hub.hub import HEARTBEAT_SECONDS
from sse_hub.hub.start_position import id_of

MAX_RATE = 1_000_000

message_routes = api_blueprint("sse_hub_message")


@get_route(message_routes, "/message")
async def message(request: Request) -> None:
    """The stream: see docs/protocol.md."""
    context = context_of(request.app)
    hub, admission, address = context.hub, context.admission, client_address(request, context)
    try:
        # Before authorize(), which may query Redis for a ticket.
        if error := admission.check(address):
            raise error
        grant = await authorize(request, context)
        selection = grant.restrict(requested_selection(request, context))
        with admission.take_slot(address, grant.subject) as slot:
            batch = integer_in(request, "batch", 0, 0, 1) == 1
            guard = integer_in(request, "guard", 0, 0, MAX_RATE)
            max_rate = integer_in(request, "max_rate", guard, 0, MAX_RATE)
            heartbeat = integer_in(request, "heartbeat", 0, *HEARTBEAT_SECONDS)
            filter = filter_of(request)
            start = start_of(request)
            if request.method == "HEAD":
                await send_head(request)
                return
            if hub.draining:
                raise SourceUnavailable("The hub is stopping.")
            prepared = await hub.prepare_stream(selection, start, batch, max_rate, filter)
            subscriber = hub.subscribe(prepared, transport_of(request), heartbeat)
            context.auth.stream_expiry.watch(grant, subscriber)
            subscriber.on_close(lambda _: slot.release())
            slot.keep()
            await start_stream(request, subscriber, prepared.first_frames)
    except LimitExceeded as error:
        admission.record_refusal(error.reason, str(error))
        await reject_with_retry(request, id_of(start_of(request), hub.ingest.last_fence), error)
    except SourceUnavailable:
        await reject_with_retry(request, id_of(start_of(request), hub.ingest.last_fence))
