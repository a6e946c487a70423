"""
The errors raised on purpose. Domain code raises them; `routes` alone turns them into HTTP, `cli` into an exit.

    HubError
    ├── InvalidSetting       a command-line option or SSE_HUB_* variable that can't be used
    ├── InvalidRequest       a request that can't be served as asked (HTTP 400)
    │   ├── InvalidChannel
    │   ├── InvalidId
    │   └── InvalidNumber
    ├── SourceUnavailable    Redis did not answer in time
    ├── LogUnavailable       the log can't be read, or is not complete in time
    ├── ServerUnavailable    no Redis server could be started, or a port is taken
    ├── CanaryBlind          a canary could not begin: no Redis to publish to, or no stream to read
    └── TaskDied             a background task has died, and the hub with it
"""


class HubError(Exception):
    """The base of every error sse-hub raises on purpose."""


class InvalidSetting(HubError):
    """A setting that can't be used; the message names the setting, its value and what is allowed."""


class InvalidRequest(HubError):
    """A request that can't be served as asked; the message says what was wrong and what is allowed."""


class InvalidChannel(InvalidRequest):
    """A channel name or pattern outside the allowed form."""


class InvalidId(InvalidRequest):
    """Text that is neither an event id nor a time."""


class InvalidNumber(InvalidRequest):
    """A number that is none, or outside its range."""


class SourceUnavailable(HubError):
    """Redis did not answer in time."""


class LogUnavailable(HubError):
    """The log can't be read now, or the recorder did not reach the wanted fence in time."""


class ServerUnavailable(HubError):
    """No Redis server could be started, or the hub's port is taken."""


class CanaryBlind(HubError):
    """A canary could not begin; the message says which of Redis and the hub is away, and what was heard of it."""


class TaskDied(HubError):
    """A background task has died by a fault of ours; the log says how. The process must be started anew."""
