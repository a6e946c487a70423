"""
The errors raised on purpose. Domain code raises them; `refusal` alone turns them into HTTP, `cli` into an exit.

    HubError
    ├── InvalidSetting       a command-line option or SSE_HUB_* variable that can't be used
    ├── InvalidRequest       a request that can't be served as asked (HTTP 400)
    │   ├── InvalidChannel
    │   │   └── TooManyChannels  more than one request may name
    │   ├── InvalidId
    │   ├── InvalidNumber
    │   ├── InvalidLine      a line to be published that is not JSON
    │   ├── TooLarge         more than is taken at once (413)
    │   ├── ForeignOrigin    another site's page asks for a change (403)
    │   └── KeyReused        an Idempotency-Key that stands for something else (422)
    ├── NotSignedIn          who asks is not known (401)
    ├── NotAllowed           who asks is known, and may not (403)
    ├── TooMany              more at a time than one sender, or all of them, may have (429 or 503, but for streams)
    ├── SourceUnavailable    Redis did not answer in time (503, but for streams)
    ├── LogUnavailable       the log can't be read, or is not complete in time (503)
    │   └── LogChanged       it has lost lines since it was looked at before, or may have
    ├── HubStopping          the hub takes no new work (503)
    ├── NotRecorded          what was to be published is not in the log, as far as is known (503)
    ├── ServerUnavailable    no Redis server could be started, or a port is taken
    ├── CanaryBlind          a canary could not begin: no Redis to publish to, or no stream to read
    ├── StreamRefused        a hub says that it can't be asked for a stream like this
    ├── EngineUnavailable    the engine of containers does not answer, or not as it should
    │   └── ContainerGone    it has no such container any more
    ├── RegistryUnavailable  a shipper's registry of positions can't be used
    └── TaskDied             a background task has died, and the hub with it
"""


class HubError(Exception):
    """The base of every error sse-hub raises on purpose."""


class InvalidSetting(HubError):
    """A setting that can't be used; its message names it, what is allowed, and its value where that is no secret."""


class InvalidRequest(HubError):
    """A request that can't be served as asked; the message says what was wrong and what is allowed."""


class InvalidChannel(InvalidRequest):
    """A channel name or pattern outside the allowed form."""


class TooManyChannels(InvalidChannel):
    """More channels and patterns than one request may name."""


class InvalidId(InvalidRequest):
    """Text that is neither an event id nor a time."""


class InvalidNumber(InvalidRequest):
    """A number that is none, or outside its range."""


class InvalidLine(InvalidRequest):
    """A line to be published that is not JSON; the message names its number."""


class TooLarge(InvalidRequest):
    """A request with more than is taken at once."""


class ForeignOrigin(InvalidRequest):
    """A page of another site asks for a change: a browser may have been made to."""


class IdempotencyConflict(InvalidRequest):
    """An `Idempotency-Key` that was used before for another body or channel."""


class Unauthenticated(HubError):
    """
    Nothing that says who asks, or something that can't be believed.

    The message says no more than its sender knows: not which key, not what else there is.
    """


class Forbidden(HubError):
    """Who asks is known, and may not; the same for what exists and what does not."""


class LimitExceeded(HubError):
    """
    More at a time than one sender, or all of them together, may have. It may be tried again in `wait_seconds`.

    `reason` names the limit, for those who count.
    """

    def __init__(self, reason: str, message: str, wait_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.reason = reason
        self.wait_seconds = wait_seconds


class SourceUnavailable(HubError):
    """Redis did not answer in time."""


class LogUnavailable(HubError):
    """The log can't be read now, or the recorder did not reach the wanted fence in time."""


class LogChanged(LogUnavailable):
    """The log is another than it was, or falls short of where it was: what was read of it goes with nothing more."""


class HubStopping(HubError):
    """The hub is being stopped and takes no new work; another, or the next, will."""


class NotRecorded(HubError):
    """
    Lines that were to be published are not known to be in the log.

    `published` is how many Redis has taken, and `recorded` whether they are in the log; None where that is unknown.
    """

    def __init__(self, message: str, published: int | None, recorded: bool | None) -> None:
        super().__init__(message)
        self.published = published
        self.recorded = recorded


class ServerUnavailable(HubError):
    """No Redis server could be started, or the hub's port is taken."""


class CanaryUnavailable(HubError):
    """A canary could not begin; the message says which of Redis and the hub is away, and what was heard of it."""


class StreamRefused(HubError):
    """A hub does not give the stream that was asked for; the message has its reason."""


class RegistryUnavailable(HubError):
    """The registry of a shipper can't be read or written, or another shipper uses it."""


class EngineUnavailable(HubError):
    """The engine of containers (Docker, Podman) does not answer, or not as it should; the message says how."""


class ContainerGone(EngineUnavailable):
    """The engine has no such container any more."""


class TaskDied(HubError):
    """A background task has died by a fault of ours; the log says how. The process must be started anew."""


def error_text(error: BaseException) -> str:
    """The message of `error`, or the name of its class where it has none, as a `TimeoutError` of asyncio."""
    return str(error) or type(error).__name__
