"""
The lease: which of the processes records. One script decides who holds it, and who could take over.

    acquire_or_renew(complete_since, first_fence) --> lua/lease.lua --> LeaseState(role, watermark, others)
"""

import secrets
from enum import IntEnum
from typing import Any, NamedTuple

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import LogKeys
from sse_hub.broker.scripts import script
from sse_hub.errors import LogUnavailable, error_text

# A living process renews its lease every RENEW_SECONDS; once the lease has expired, another process takes over.
LEASE_MS = 1000
RENEW_SECONDS = 0.3
# A process that has not registered for this long is not expected to take over the lease any more.
TAP_MS = 1500
# How long to wait before starting a new log, so that all processes can register how far back their rings reach.
NEW_LOG_SECONDS = 0.7


class Role(IntEnum):
    """What a process is after its request. The numbers are those of lua/lease.lua."""

    TAP = 0
    RECORDER = 1
    TOOK_OVER = 2
    BEGAN_LOG = 3


class LeaseState(NamedTuple):
    """
    The answer to a request.

    `watermark` is the fence (ms) up to which the log is complete, -1 if there is no log; `others` is how many other
    processes could record from there without a gap, or with a smaller one.
    """

    role: Role
    watermark: int
    others: int


class Lease:
    """This process's access to the lease. `token` is its name among the taps."""

    def __init__(self, commands: redis.asyncio.Redis, log_keys: LogKeys) -> None:
        self.token = secrets.token_hex(8)
        self._keys = log_keys
        self._lease_script: Any = commands.register_script(script("lease"))
        self._resign_script: Any = commands.register_script(script("resign"))

    async def acquire_or_renew(
        self,
        complete_since: int | None,
        first_fence: int | None,
        new_log_reason: str = "",
        held_since: int | None = None,
    ) -> LeaseState:
        """
        Register this process, and acquire, renew or lose the lease. All fences are in ms.

        The process has received every line since `complete_since` (None while it has no session), and has lines at all
        since `first_fence`. Its rings still hold every line since `held_since`, which defaults to `complete_since`, or
        will hold them once they are filled.
        `new_log_reason` allows a new log where there is none, and says why it has nothing before `first_fence`; empty,
        none may be started. Raises LogUnavailable.
        """
        names = self._keys
        keys = [names.lease, names.watermark, names.taps, names.gaps, names.partition.channels]
        start, reach, held = map(_fence_text, (complete_since, first_fence, held_since or complete_since))
        try:
            role, watermark, others = await self._lease_script(
                keys=keys, args=[self.token, start, reach, LEASE_MS, TAP_MS, new_log_reason, held]
            )
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"The lease can't be requested: {error_text(error)}.") from None
        return LeaseState(Role(role), watermark, others)

    def owner_value(self, complete_since: int | None) -> str:
        """The value of the lease's key while this process holds it, acquired with `complete_since`."""
        return f"{self.token} {_fence_text(complete_since)}"

    async def resign(self, token: str = "") -> None:
        """Give up the lease of the process with this `token`, by default this one. Raises LogUnavailable."""
        try:
            await self._resign_script(keys=[self._keys.lease, self._keys.taps], args=[token or self.token])
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"The lease can't be given up: {error_text(error)}.") from None


def _fence_text(fence: int | None) -> str:
    return "" if fence is None else str(fence)
