"""
The parameters of a request: everything that is read from its query or headers, except credentials (`authorization`).

    query   --> query_of() --> requested_selection(), cursor_of(), integer_in(), filter_of(), start_of()
    headers --> start_of() --> start_after()            client_address()

An invalid value raises an error that names the value and says what is allowed.
"""

import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sanic import Request
from sanic.request import RequestParameters

from sse_hub.alerts.rule import ALERT_CHANNEL
from sse_hub.auth import Grant
from sse_hub.auth.client_address import UNIX_PEER
from sse_hub.durations import parse_duration
from sse_hub.errors import InvalidChannel, InvalidFilter, InvalidId, InvalidNumber, InvalidRequest, error_text
from sse_hub.filters.compile import Filter, compile_filter
from sse_hub.http.context import Context
from sse_hub.hub.start_position import After, Now, StartAt, Tail, UnknownId
from sse_hub.protocol.ids import Cursor, cursor_since
from sse_hub.protocol.selection import Selection

DEFAULT_CHANNEL = "log"
MAX_TAIL = 10_000
MAX_FILTER_CHARACTERS = 1_000
OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
# A cursor over 32 channels with counts of ten digits has about 370 characters.
MAX_ID_CHARACTERS = 512
# In the query, in lower case: polyfills of EventSource send `lastEventId`, clients of Mercure `lastEventID`.
LAST_EVENT_ID_NAMES = ("lasteventid", "last-event-id")
# What may be sent back as an id. The hub answers anything else with an id that is as unknown.
ID_TEXT = re.compile(rf"[!-~]{{1,{MAX_ID_CHARACTERS}}}")


def query_of(request: Request) -> RequestParameters:
    """The query parameters of `request`, empty values included: `tail=` is an invalid number, not a default."""
    return request.get_args(keep_blank_values=True)


def peer_of(request: Request) -> str:
    """The address at the other end of the connection."""
    return (request.conn_info.client_ip if request.conn_info else "") or UNIX_PEER


def client_address(request: Request, context: Context) -> str:
    """The address for which limits count `request`; see `TrustedProxies.client_of()`."""
    peer = peer_of(request)
    return context.admission.trusted_proxies.client_of(peer, request.headers.getall("x-forwarded-for", []))


def requested_selection(request: Request, context: Context) -> Selection:
    """The channels and patterns of `channel=`, not yet restricted by a grant. Raises InvalidChannel."""
    names = query_of(request).getlist("channel") or [DEFAULT_CHANNEL]
    return Selection.parse(names, context.config.channels_per_stream)


def channel_to_publish(request: Request, context: Context, grant: Grant) -> str:
    """
    The one channel that `request` publishes to.

    Raises InvalidChannel, also for a channel that is not recorded, and Forbidden where `grant` doesn't allow it.
    """
    selection = requested_selection(request, context)
    if not selection.single:
        raise InvalidChannel("To publish, name exactly one channel, not a pattern.")
    channel = selection.channels[0]
    grant.may_publish(channel)
    if channel == ALERT_CHANNEL:
        raise InvalidChannel(f"{channel!r} has the hub's own alerts: nobody else may publish there.")
    if not context.hub.ingest.registry.covers(channel):
        raise InvalidChannel(f"{channel!r} is not covered by --ingest: lines published there would not be recorded.")
    return channel


def cursor_of(request: Request, name: str, parse: Callable[[str, datetime, str], Cursor]) -> Cursor | None:
    """The query parameter `name` as a cursor by `parse`; None if it is missing. Raises InvalidId."""
    query = query_of(request)
    return parse(str(query.get(name))[:MAX_ID_CHARACTERS], datetime.now(UTC), name) if name in query else None


def filter_of(request: Request) -> Filter | None:
    """
    The filter `q=`, see docs/page.md; None without one. Times in it without a zone are in `zone=`: the name of a time
    zone, or an offset such as +02:00; UTC if it is missing.

    Raises InvalidFilter, which says where the filter is wrong, and InvalidRequest.
    """
    query = query_of(request)
    texts = [text for text in query.getlist("q", []) if text.strip()]
    if len(texts) > 1:
        raise InvalidRequest("q= is given several times; join the filters in one, as (one) (other).")
    zone = _zone_in(request)
    if not texts:
        return None
    if len(texts[0]) > MAX_FILTER_CHARACTERS:
        raise InvalidRequest(f"q= has {len(texts[0])} characters; up to {MAX_FILTER_CHARACTERS} are allowed.")
    try:
        return compile_filter(texts[0], time.time() * 1000, zone)
    except InvalidFilter as error:
        raise InvalidFilter(
            f"q= is no filter: {error} (at character {error.start + 1})", error.start, error.end
        ) from None


def _zone_in(request: Request) -> tzinfo:
    text = str(query_of(request).get("zone", "UTC"))
    if offset := OFFSET.fullmatch(text):
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        # A name of a file is none of a zone: ZoneInfo refuses `..` and absolute paths.
        return ZoneInfo(text)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise InvalidRequest(f"zone={text[:64]!r} must be a time zone such as Europe/Berlin, or +02:00.") from None


def start_of(request: Request) -> StartAt:
    """
    Where the stream begins: `Last-Event-ID` takes precedence over `since=`, and `since=` over `tail=`.

    `Last-Event-ID` may be in the query instead of the headers, for clients that can't set a header.

    Raises InvalidId and InvalidNumber for the query. An invalid `Last-Event-ID` is not an error: an EventSource that
    gets an error status never reconnects, so the stream begins with a gap.
    """
    last_event_id = request.headers.get("last-event-id", "").strip(" \t") or _last_event_id_in_query(request)
    if last_event_id:
        return start_after(last_event_id)
    tail = integer_in(request, "tail", 0, 0, MAX_TAIL)
    since = cursor_of(request, "since", cursor_since)
    if since is not None:
        return After(since, issued=False)
    return Tail(tail) if tail else Now()


def _last_event_id_in_query(request: Request) -> str:
    query = query_of(request)
    values = (str(query.get(name)) for name in query if name.lower() in LAST_EVENT_ID_NAMES)
    return next((value for value in values if value), "")


def start_after(last_event_id: str) -> After | UnknownId:
    """The start that the header `Last-Event-ID` stands for; UnknownId where this hub can't have sent it."""
    # Not cut to the limit: without its last digits, a count would be another count.
    if not ID_TEXT.fullmatch(last_event_id):
        return UnknownId("unknown")
    try:
        return After(Cursor.parse(last_event_id))
    except InvalidId:
        return UnknownId(last_event_id)


def text_in(request: Request, name: str, allowed: Sequence[str]) -> str:
    """The query parameter `name`, one of `allowed`; the first of them if it is missing. Raises InvalidRequest."""
    text = str(query_of(request).get(name, allowed[0]))
    if text not in allowed:
        raise InvalidRequest(f"{name}={text[:32]!r} must be one of {', '.join(allowed)}.")
    return text


def integer_in(request: Request, name: str, default: int, low: int, high: int) -> int:
    """The query parameter `name` as an integer from `low` to `high`, `default` if missing. Raises InvalidNumber."""
    query = query_of(request)
    if name not in query:
        return default
    text = str(query.get(name))
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and low <= int(text) <= high):
        raise InvalidNumber(f"{name}={text[:32]!r} must be an integer from {low} to {high}.")
    return int(text)


def seconds_in(request: Request, name: str) -> int | None:
    """The query parameter `name`, a duration, in seconds; None if it is missing. Raises InvalidNumber."""
    query = query_of(request)
    if name not in query:
        return None
    text = str(query.get(name))
    try:
        return parse_duration(text)
    except ValueError as error:
        raise InvalidNumber(f"{name}={text[:32]!r} {error_text(error)}.") from None
