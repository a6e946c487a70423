"""
Our errors as answers, here and nowhere else; and how often each refusal was given.

    InvalidRequest --> 400 {"error", "detail"}      NotSignedIn --> 401      NotRecorded --> 503 with what is known
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
    InvalidRequest,
    LimitExceeded,
    LogUnavailable,
    NotRecorded,
    SourceUnavailable,
    TooLarge,
    TooManyChannels,
    Unauthenticated,
)
from sse_hub.http.context import context_of

logger = logging.getLogger(__name__)

# What each of our errors is in HTTP; those derived from one of these are the same.
STATUSES: dict[type, HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    ForeignOrigin: HTTPStatus.FORBIDDEN,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    LimitExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    IdempotencyConflict: HTTPStatus.UNPROCESSABLE_ENTITY,
    SourceUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    LogUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    HubStopping: HTTPStatus.SERVICE_UNAVAILABLE,
    NotRecorded: HTTPStatus.SERVICE_UNAVAILABLE,
}
# What an operator wants to see as a number: `sse_hub_refused_total{reason}`.
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
    """Our errors and Sanic's as JSON `{"error", "detail"}`."""
    headers: dict[str, str] = {}
    status = next((STATUSES[each] for each in type(exception).__mro__ if each in STATUSES), None)
    more: dict[str, object] = {}
    _count_refusal(request, exception)
    if isinstance(exception, HubError) and status:
        detail = str(exception)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers = {"Retry-After": str(RETRY_SECONDS)}
        if status == HTTPStatus.UNAUTHORIZED:
            headers = {"WWW-Authenticate": "Bearer"}
        if isinstance(exception, LimitExceeded):
            headers = {"Retry-After": str(math.ceil(exception.wait_seconds))}
        if isinstance(exception, NotRecorded):
            more = {"published": exception.published, "recorded": exception.recorded}
    elif isinstance(exception, SanicException):
        status, detail, headers = HTTPStatus(exception.status_code), str(exception), dict(exception.headers)
    else:
        logger.error("request_failed path=%(path)r", {"path": request.path}, exc_info=exception)
        status, detail = HTTPStatus.INTERNAL_SERVER_ERROR, "The hub failed to answer; its log says why."
    return json({"error": status.phrase, "detail": detail, **more}, status=status, headers=headers)


def api_blueprint(name: str) -> Blueprint:
    """
    A blueprint that answers the errors of its own routes alone: an app around the hub has answers of its own.

    Its routes answer at their very path: whoever closes `/metrics` in a proxy doesn't think of `/metrics/`.
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
