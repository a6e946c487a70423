"""
Turns errors into HTTP responses, and counts refusals: no other module knows the status of an error.

    InvalidRequest --> error_response() --> 400 {"error", "detail"}
    InvalidFilter                       --> 400 {"error", "detail", "start", "end"}
    Unauthenticated                     --> 401
    an unknown path, for a browser      --> 404, a page with the way to the logs
    NotRecorded                         --> 503 {"error", "detail", "published", "recorded"}
"""

import logging
import math
from http import HTTPStatus

from sanic import Blueprint, HTTPResponse, Request, json
from sanic.exceptions import PayloadTooLarge, RequestTimeout, SanicException

from sse_hub.errors import (
    Forbidden,
    ForeignOrigin,
    HubError,
    HubStopping,
    IdempotencyConflict,
    InvalidFilter,
    InvalidRequest,
    InvalidRule,
    LimitExceeded,
    LogUnavailable,
    NotRecorded,
    OutboxUnavailable,
    RuleConflict,
    RulesUnavailable,
    SourceUnavailable,
    TooLarge,
    TooManyChannels,
    Unauthenticated,
    UnknownRule,
    UnsupportedCoding,
)
from sse_hub.http.content_coding import ALLOWED as CODINGS
from sse_hub.http.context import context_of
from sse_hub.http.lost_page import is_lost_reader, lost_page

logger = logging.getLogger(__name__)

# The status of each of our errors, and of those derived from it.
STATUSES: dict[type, HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    ForeignOrigin: HTTPStatus.FORBIDDEN,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedCoding: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    LimitExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    IdempotencyConflict: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownRule: HTTPStatus.NOT_FOUND,
    RuleConflict: HTTPStatus.CONFLICT,
    RulesUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    SourceUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    LogUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    OutboxUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    HubStopping: HTTPStatus.SERVICE_UNAVAILABLE,
    NotRecorded: HTTPStatus.SERVICE_UNAVAILABLE,
}
# The label of an error in `sse_hub_refused_total{reason}`; LimitExceeded has its own.
REASONS: dict[type, str] = {
    RequestTimeout: "slow",
    PayloadTooLarge: "too-large",
    Unauthenticated: "not-signed-in",
    Forbidden: "not-allowed",
    ForeignOrigin: "foreign-origin",
    TooLarge: "too-large",
    TooManyChannels: "channels-per-stream",
}
RETRY_SECONDS = 2


async def error_response(request: Request, exception: Exception) -> HTTPResponse:
    """The response to `request` for one of our errors, or Sanic's: JSON `{"error", "detail"}`, or a page for people."""
    if is_lost_reader(request, exception):
        return lost_page(request)
    headers: dict[str, str] = {}
    status = next((STATUSES[each] for each in type(exception).__mro__ if each in STATUSES), None)
    extra: dict[str, object] = {}
    _count_refusal(request, exception)
    if isinstance(exception, HubError) and status:
        detail = str(exception)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers = {"Retry-After": str(RETRY_SECONDS)}
        if status == HTTPStatus.UNAUTHORIZED:
            headers = {"WWW-Authenticate": "Bearer"}
        if isinstance(exception, UnsupportedCoding):
            # RFC 9110, section 12.5.3: in a response, the codings that a request may have.
            headers = {"Accept-Encoding": CODINGS}
        if isinstance(exception, LimitExceeded):
            headers = {"Retry-After": str(math.ceil(exception.wait_seconds))}
        if isinstance(exception, InvalidRule) and exception.member:
            extra = {"member": exception.member}
        if isinstance(exception, InvalidFilter):
            extra = {"start": exception.start, "end": exception.end}
        if isinstance(exception, NotRecorded):
            extra = {"published": exception.published, "recorded": exception.recorded}
    elif isinstance(exception, SanicException):
        status, detail, headers = HTTPStatus(exception.status_code), str(exception), dict(exception.headers)
    else:
        logger.error("request_failed path=%(path)r", {"path": request.path}, exc_info=exception)
        status, detail = HTTPStatus.INTERNAL_SERVER_ERROR, "The hub could not process the request; its log says why."
    # Sanic quotes headers, which may have any bytes.
    detail = detail.encode(errors="backslashreplace").decode()
    return json({"error": status.phrase, "detail": detail, **extra}, status=status, headers=headers)


def api_blueprint(name: str) -> Blueprint:
    """
    A blueprint for routes of the hub.

    It handles errors of its own routes only: the app that a hub is mounted in has its own error handlers. Paths are
    exact: a proxy rule that blocks `/metrics` must not leave `/metrics/` open.
    """
    blueprint = Blueprint(name, strict_slashes=True)
    blueprint.exception(Exception)(error_response)
    return blueprint


def _count_refusal(request: Request, exception: Exception) -> None:
    reason = next((REASONS[each] for each in type(exception).__mro__ if each in REASONS), None)
    if isinstance(exception, LimitExceeded):
        reason = exception.reason
    if reason:
        context_of(request.app).admission.record_refusal(reason, str(exception))
