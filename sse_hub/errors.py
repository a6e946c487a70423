"""
The errors raised on purpose. Domain code raises them; `http/errors.py` turns them into responses, and commands into an
exit with their message.

    HubError
    ├── InvalidSetting           a command-line option or SSE_HUB_* variable is invalid
    ├── InvalidRequest           a request is invalid (HTTP 400)
    │   ├── InvalidChannel       … in a channel name or pattern
    │   │   └── TooManyChannels  … names too many channels
    │   ├── InvalidId            … in an event id or a time
    │   ├── InvalidNumber        … in a number
    │   ├── InvalidFilter        … in a filter
    │   ├── InvalidRule          … in a rule for alerts
    │   ├── InvalidLine          … in a line to publish, which is not JSON
    │   ├── TooLarge             … because it is too large (413)
    │   ├── UnsupportedCoding    … because it is compressed in an unknown way (415)
    │   ├── ForeignOrigin        … because a page of another site sent it (403)
    │   └── IdempotencyConflict  … because its Idempotency-Key was used for something else (422)
    ├── UnknownRule              there is no rule for alerts with this id (404)
    ├── RuleConflict             a rule was changed by somebody else, or can't be changed here (409)
    ├── RulesUnavailable         the rules for alerts can't be read or changed (503)
    ├── Unauthenticated          the client is unknown (401)
    ├── Forbidden                the client is known, but lacks the right (403)
    ├── LimitExceeded            one sender, or all together, have reached a limit (429 or 503; streams: 200)
    ├── SourceUnavailable        Redis did not answer in time (503; streams: 200)
    ├── LogUnavailable           the log can't be read, or is not complete in time (503)
    │   └── LogChanged           the log has, or may have, lost lines while it was read
    ├── HubStopping              the hub is shutting down (503)
    ├── NotRecorded              published lines are not known to be in the log (503)
    ├── ServerUnavailable        no Redis server could be started, or the hub can't listen
    ├── CanaryUnavailable        a canary could not start
    ├── StreamRefused            a hub refused a stream
    ├── FileUnreadable           a shipper could not read a file
    ├── EngineUnavailable        the container engine does not answer, or gives an invalid answer
    │   └── ContainerGone        the container no longer exists
    ├── RegistryUnavailable      a shipper's registry can't be used
    ├── OutboxUnavailable        the alerts that still have to be sent can't be read or marked (503)
    ├── NotSent                  a destination has not taken an alert
    │   └── AddressRefused       … and was not asked to, since its address is not allowed
    └── TaskDied                 a background task has died, and the hub with it
"""

import re


class HubError(Exception):
    """The base of every error that sse-hub raises on purpose."""


class InvalidSetting(HubError):
    """A setting is invalid; the message names it, what is allowed, and its value unless that is secret."""


class InvalidRequest(HubError):
    """A request is invalid; the message says what is wrong and what is allowed."""


class InvalidChannel(InvalidRequest):
    """A channel name or pattern has a form that is not allowed."""


class TooManyChannels(InvalidChannel):
    """A request names more channels and patterns than allowed."""


class InvalidId(InvalidRequest):
    """A text is neither an event id nor a time."""


class InvalidNumber(InvalidRequest):
    """A text is not a number, or the number is out of range."""


class InvalidFilter(InvalidRequest):
    """
    A filter is invalid; the message says what is wrong, and what is allowed.

    `start` and `end` are the place in its text, in characters from 0; `end` is the first one after it.
    """

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


class InvalidRule(InvalidRequest):
    """
    A rule for alerts is invalid; the message says what is wrong, and what is allowed.

    `member` is the name of the member that is wrong, '' if it is the rule as a whole.
    """

    def __init__(self, message: str, member: str = "") -> None:
        super().__init__(message)
        self.member = member


class InvalidLine(InvalidRequest):
    """A line to publish is not JSON; the message has its number."""


class TooLarge(InvalidRequest):
    """A request is larger than allowed."""


class UnsupportedCoding(InvalidRequest):
    """The `Content-Encoding` of a request is not supported; the message names those that are."""


class ForeignOrigin(InvalidRequest):
    """A page of another site sent a request that changes something, perhaps without its user's knowledge."""


class IdempotencyConflict(InvalidRequest):
    """An `Idempotency-Key` was used before for another body or channel."""


class UnknownRule(HubError):
    """There is no rule for alerts with this id."""


class RuleConflict(HubError):
    """A rule is not as the client has seen it, exists already, or belongs to the rule file."""


class RulesUnavailable(HubError):
    """The rules for alerts can't be read or changed now."""


class Unauthenticated(HubError):
    """
    A request has no credentials, or invalid ones.

    The message reveals nothing that the sender does not know, such as which key is missing or what exists.
    """


class Forbidden(HubError):
    """The client lacks a right. The error is the same whether or not the requested channel exists."""


class LimitExceeded(HubError):
    """
    One sender, or all of them together, have reached a limit. A retry may succeed after `wait_seconds`.

    `reason` names the limit in metrics and logs.
    """

    def __init__(self, reason: str, message: str, wait_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.reason = reason
        self.wait_seconds = wait_seconds


class SourceUnavailable(HubError):
    """Redis did not answer in time."""


class LogUnavailable(HubError):
    """The log can't be read now, or the recorder did not reach the required fence in time."""


class LogChanged(LogUnavailable):
    """The log was replaced, or is shorter than it was: what was read of it can't be continued."""


class HubStopping(HubError):
    """The hub is shutting down and accepts no new requests; another hub, or this hub's successor, will."""


class NotRecorded(HubError):
    """
    Published lines are not known to be in the log.

    `published` is the number of lines that Redis has accepted, and `recorded` whether they are in the log; None if
    unknown.
    """

    def __init__(self, message: str, published: int | None, recorded: bool | None) -> None:
        super().__init__(message)
        self.published = published
        self.recorded = recorded


class ServerUnavailable(HubError):
    """No Redis server could be started, or the hub can't listen on its address and port."""


class CanaryUnavailable(HubError):
    """A canary could not start; the message says whether Redis or the hub is unreachable, and quotes its answer."""


class StreamRefused(HubError):
    """A hub refused a stream; the message has its reason."""


class RegistryUnavailable(HubError):
    """A shipper's registry can't be read or written, or another shipper uses it."""


class FileUnreadable(HubError):
    """A shipper that ends after what is there could not read all of it; the message names the files."""


class EngineUnavailable(HubError):
    """The container engine (Docker, Podman) does not answer, or gives an invalid answer; the message says which."""


class ContainerGone(EngineUnavailable):
    """The container no longer exists."""


class OutboxUnavailable(HubError):
    """The alerts that still have to be sent can't be read, or what was sent can't be marked."""


class NotSent(HubError):
    """
    A destination has not taken an alert, or has not said so. The message has nothing secret.

    `hopeless` if it will hardly be different next time, unless somebody changes something. `wait_seconds` is how long
    the destination asked to wait, 0 if it did not.
    """

    def __init__(self, message: str, hopeless: bool = False, wait_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.hopeless = hopeless
        self.wait_seconds = wait_seconds


class AddressRefused(NotSent):
    """A destination leads to an address that it may not be sent to."""

    def __init__(self, message: str) -> None:
        super().__init__(message, hopeless=True)


class TaskDied(HubError):
    """A background task has died of a bug; the log has the traceback. The process must be restarted."""


# Redis refuses long requests of a sender without a password before it reads them, and redis-py's first command (HELLO)
# has an answer of its own: all of these mean NOAUTH.
NO_PASSWORD = re.compile(
    r"(?:refused: )?(?:NOAUTH\b|Authentication required\.|Protocol error: unauthenticated |HELLO must be called with )"
)


def error_text(error: BaseException) -> str:
    """
    What `error` says, to be put into a sentence: without a full stop at its end.

    It is the name of its class if it has no message, such as a `TimeoutError` of asyncio.
    """
    text = str(error).removesuffix(".") or type(error).__name__
    return "Redis requires a password, and the URL has none" if NO_PASSWORD.match(str(error)) else text
