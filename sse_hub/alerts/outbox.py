"""
The outbox: the alerts in Redis that still have to be sent, in order, and how far each destination is.

    lua/alerts_commit.lua: the evaluator puts alerts in --> a stream --> read() --> queues
    mark(), with lua/alerts_sent.lua --> a hash of positions --> where the next recorder goes on

Only the process that holds the lease marks or removes anything; the scripts see to that.
"""

from typing import Any, NamedTuple

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.alerts.alert import Alert
from sse_hub.broker.keys import LogKeys
from sse_hub.broker.scripts import script
from sse_hub.errors import OutboxUnavailable, error_text

CHANNEL_NAME = "channel"
"""The destination of every alert, see `destinations/alert_channel`."""

PAGE = 100
MAX_ERROR_CHARACTERS = 300
BEGINNING = "0-0"


def order_of(entry_id: str) -> tuple[int, int]:
    """`entry_id`, "ms-number", as numbers, which are compared as Redis does."""
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number)


class OutboxEntry(NamedTuple):
    """An entry of the stream. `alert` is None if it is not one of ours."""

    id: str
    alert: Alert | None

    @property
    def moment_ms(self) -> int:
        """When it was put there, by the server's clock."""
        return order_of(self.id)[0]

    def is_for(self, destination: str) -> bool:
        """Whether `destination` gets it; the one called CHANNEL_NAME gets every alert."""
        return self.alert is not None and (destination == CHANNEL_NAME or destination in self.alert.to)


class DestinationProgress(NamedTuple):
    """How far a destination is: the id of the last entry that is behind it, how many wait, and what is wrong, or ''."""

    position: str = BEGINNING
    waiting: int = 0
    error: str = ""

    def to_text(self) -> str:
        """As the hash has it."""
        return f"{self.position} {self.waiting} {self.error[:MAX_ERROR_CHARACTERS]}"

    @classmethod
    def from_text(cls, text: str) -> "DestinationProgress":
        """The progress of `to_text()`; that of the beginning for anything else: what was sent is sent again."""
        position, _, rest = text.partition(" ")
        waiting, _, error = rest.partition(" ")
        try:
            order_of(position)
            return cls(position, int(waiting), error)
        except ValueError:
            return cls()


class Outbox:
    """
    The outbox of one process. `lease` is what the lease must be for anything to be changed.

    All methods raise OutboxUnavailable.
    """

    def __init__(self, commands: redis.asyncio.Redis, log_keys: LogKeys) -> None:
        self._commands: Any = commands
        self._keys = log_keys
        self._mark_script: Any = commands.register_script(script("alerts_sent"))
        self._trim_script: Any = commands.register_script(script("alerts_trim"))

    async def read(self, after: str) -> list[OutboxEntry]:
        """Up to PAGE entries after the id `after`."""
        rows = await self._call(self._commands.xrange, self._keys.alerts, f"({after}", "+", PAGE)
        return [OutboxEntry(id.decode(), _alert_in(members)) for id, members in rows]

    async def length(self) -> int:
        """How many entries there are."""
        return int(await self._call(self._commands.xlen, self._keys.alerts))

    async def progress(self) -> dict[str, DestinationProgress]:
        """How far each destination is that has ever been marked."""
        found = await self._call(self._commands.hgetall, self._keys.alert_sent)
        return {
            name.decode(): DestinationProgress.from_text(text.decode(errors="replace")) for name, text in found.items()
        }

    async def mark(
        self, lease: str, destination: str, progress: DestinationProgress, given_up: tuple[Alert, ...] = ()
    ) -> bool:
        """Say how far `destination` is, and put in the alerts `given_up`. False if the lease is lost."""
        keys = [self._keys.lease, self._keys.alerts, self._keys.alert_sent]
        args = [lease, destination, progress.to_text(), *(each.to_json() for each in given_up)]
        return bool(await self._call(self._mark_script, keys, args))

    async def trim(self, lease: str, first_kept: str) -> None:
        """Remove what is before the entry `first_kept`, if the lease is not lost."""
        keys = [self._keys.lease, self._keys.alerts]
        await self._call(self._trim_script, keys, [lease, first_kept])

    async def _call(self, command: Any, *arguments: Any) -> Any:
        try:
            return await command(*arguments)
        except (RedisError, OSError) as error:
            raise OutboxUnavailable(f"The alerts to be sent can't be read or marked: {error_text(error)}.") from None


def _alert_in(members: dict[bytes, bytes]) -> Alert | None:
    try:
        return Alert.from_json(members[b"a"])
    except (ValueError, KeyError, TypeError):
        return None
