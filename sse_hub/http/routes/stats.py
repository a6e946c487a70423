"""
`GET /stats`: how many recorded lines came in each step of time, by the values of a field, or how great a number in them
was.

    request --> Grant, Selection, Period, Question --> LogRange, read backwards --> count_lines() --> JSON
"""

from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from time import perf_counter
from typing import NamedTuple

import orjson
from sanic import Request

from sse_hub.errors import InvalidRequest
from sse_hub.history.log_range import LogRange
from sse_hub.history.number_counts import NumberCounts, Percentiles
from sse_hub.history.stats import Counted, Question, count_lines, usual_step_seconds
from sse_hub.history.value_counts import TopValues, ValueCounts
from sse_hub.http.authorization import authorize
from sse_hub.http.context import Context, context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.parameters import (
    MAX_ID_CHARACTERS,
    client_address,
    filter_of,
    integer_in,
    query_of,
    requested_selection,
    seconds_in,
)
from sse_hub.http.response import NO_STORE, get_route
from sse_hub.http.transfer import send_json
from sse_hub.hub.fair_lock import FairLock, slice_end
from sse_hub.protocol.ids import Cursor, cursor_since, cursor_until, iso_time, moment_of

DEFAULT_SINCE = "-1h"
DEFAULT_TOP = 10
MAX_TOP = 100
MAX_FIELD_CHARACTERS = 128

stats_routes = api_blueprint("sse_hub_stats")


@get_route(stats_routes, "/stats")
async def stats(request: Request) -> None:
    """Counts of recorded lines per step of time."""
    context = context_of(request.app)
    grant = await authorize(request, context)
    selection = grant.restrict(requested_selection(request, context))
    period = _period_of(request)
    by, field = _field_in(request, "by"), _field_in(request, "field")
    if by and field:
        raise InvalidRequest("by= counts values and field= measures a number; one request does one of them.")
    top = integer_in(request, "top", DEFAULT_TOP, 1, MAX_TOP)
    step_seconds, filter = seconds_in(request, "step"), filter_of(request)
    values, numbers = ValueCounts(by) if by else None, NumberCounts(field) if field else None
    address = client_address(request, context)
    sender = context.admission.sender_of(address, grant.subject)
    with context.admission.response_memory(address, grant.subject) as reserve:
        log_range = await context.history.resolve_range(selection, period.after, period.before)
        begin, end = period.times(log_range)
        step_seconds = step_seconds or usual_step_seconds(end - max(begin, end - context.config.retain_ms))
        question = Question(step_seconds * 1000, filter, period.begin_ms, period.end_ms)
        async with (
            context.query_slots.slot(*sender),
            aclosing(context.history.iterate_back(log_range)) as runs,
        ):
            counted = await count_lines(
                log_range, runs, question, values or numbers, reserve, context.history.fair_lock
            )
        head: dict[str, object] = {"since": iso_time(begin), "until": iso_time(end), "step_seconds": step_seconds}
        head |= {"by": by, "field": field}
        groups = values.top(top) if values else numbers.percentiles() if numbers else None
        body = await _render(context, log_range, head, counted, groups)
        reserve(len(body))
        # Sending may take long, and only the body is reserved for.
        del counted, groups, values, numbers
        await send_json(request, body, NO_STORE)


class Period(NamedTuple):
    """The range asked for: cursors, and the times that they were given as, in ms since the epoch; None for ids."""

    after: Cursor
    before: Cursor | None
    begin_ms: int | None
    end_ms: int | None

    def times(self, log_range: LogRange) -> tuple[int, int]:
        """When the range begins and ends, in ms since the epoch."""
        begin = self.after.fence if self.begin_ms is None else self.begin_ms
        end = min(log_range.before.fence, log_range.awaited_fence) if self.end_ms is None else self.end_ms
        return max(0, begin), max(0, end)


def _period_of(request: Request) -> Period:
    query, now = query_of(request), datetime.now(UTC)
    since = str(query.get("since", DEFAULT_SINCE))[:MAX_ID_CHARACTERS]
    after, begin_ms = cursor_since(since, now), moment_of(since, now, "since")
    if "until" not in query:
        return Period(after, None, begin_ms, None)
    until = str(query.get("until"))[:MAX_ID_CHARACTERS]
    return Period(after, cursor_until(until, now), begin_ms, moment_of(until, now, "until"))


def _field_in(request: Request, name: str) -> str | None:
    query = query_of(request)
    if name not in query:
        return None
    if len(query.getlist(name)) > 1:
        raise InvalidRequest(f"{name}= is given several times; one request is about one field.")
    text = str(query.get(name))
    if not 1 <= len(text) <= MAX_FIELD_CHARACTERS:
        raise InvalidRequest(f"{name}= has {len(text)} characters; it must be a field of 1 to {MAX_FIELD_CHARACTERS}.")
    return text


async def _render(
    context: Context,
    log_range: LogRange,
    head: dict[str, object],
    counted: Counted,
    groups: TopValues | Percentiles | None,
) -> bytes:
    counter = counted.counter
    whole: dict[str, object] = {"count": sum(counter.steps.values()), "looked_at": counter.looked_at}
    whole |= groups.whole() if groups else {}
    steps = await _render_all(_step_rows(counter.steps, groups), context.history.fair_lock)
    gaps = await context.history.gaps_among(log_range, counter.gaps, counted.more)
    told = await _render_all((gap._asdict() for gap in gaps), context.history.fair_lock)
    state = {"more": counted.more, "reached": None if counted.reached is None else str(counted.reached)}
    return b'%b,"steps":[%b],"gaps":[%b],%b' % (orjson.dumps(head | whole)[:-1], steps, told, orjson.dumps(state)[1:])


def _step_rows(steps: dict[int, int], groups: TopValues | Percentiles | None) -> Iterator[dict[str, object]]:
    times = sorted(steps)
    for at in times:
        own = groups.of_step(at, edge=at in (times[0], times[-1])) if groups else {}
        yield {"at": at, "count": steps[at], **own}


async def _render_all(items: Iterator[dict[str, object]], fair_lock: FairLock) -> bytes:
    pieces: list[bytes] = []
    item = next(items, None)
    while item is not None:
        async with fair_lock:
            until = slice_end()
            while item is not None and perf_counter() < until:
                pieces.append(orjson.dumps(item))
                item = next(items, None)
    return b",".join(pieces)
