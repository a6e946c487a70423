"""
The lease: which one of the processes records. Who has it, and what the others could do, is settled by one script.

    stand(start, reach) --> lua/lease.lua --> Standing(role, watermark, others)
"""

import secrets
from enum import IntEnum
from typing import Any, NamedTuple

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import CHANNELS, LogKeys
from sse_hub.broker.scripts import script
from sse_hub.errors import LogUnavailable

# Renewed every RENEW_SECONDS by a process that is alive; another takes over when it has run out.
LEASE_MS = 1000
RENEW_SECONDS = 0.3
# A process that has not been heard of for this long will not come back to take the lease over.
TAP_MS = 1500
# How long a log without a watermark is left alone, so that all processes can say how far their rings reach back.
NEW_LOG_SECONDS = 0.7


class Role(IntEnum):
    """What a process is, after it has asked."""

    TAP = 0
    RECORDER = 1
    TOOK_OVER = 2
    BEGAN_LOG = 3


class LeaseState(NamedTuple):
    """The answer: `watermark` is -1 when there is no log; `others` is how many others could record without a break."""

    role: Role
    watermark: int
    others: int


class Lease:
    """This process's claim to record. `token` is its name among the taps."""

    def __init__(self, commands: redis.asyncio.Redis, log_keys: LogKeys) -> None:
        self.token = secrets.token_hex(8)
        self._keys = log_keys
        self._commands: Any = commands
        self._script = commands.register_script(script("lease"))
        self._resign_script = commands.register_script(script("resign"))

    async def acquire_or_renew(
        self, start: int | None, reach: int | None, why_new: str = "", held: int | None = None
    ) -> LeaseState:
        """
        Register with rings that are whole since fence `start` and reach back to `reach`; renew, take or lose the lease.

        `held` is later than `start` where they have evicted lines from before it.

        `why_new` is the reason for which there is no log before `reach`, where one may be begun. Raises
        LogUnavailable.
        """
        try:
            role, watermark, others = await self._script(
                keys=[self._keys.lease, self._keys.watermark, self._keys.taps, self._keys.breaks, CHANNELS],
                args=[self.token, _text(start), _text(reach), LEASE_MS, TAP_MS, why_new, _text(held or start)],
            )
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"The lease can't be had: {error or type(error).__name__}.") from None
        return LeaseState(Role(role), watermark, others)

    def owner_value(self, start: int | None) -> str:
        """What the lease says while it is ours, got with rings that are whole since fence `start`."""
        return f"{self.token} {_text(start)}"

    async def resign(self, token: str = "") -> None:
        """Leave the lease to the others at once, for the process of `token`, or this one. Raises LogUnavailable."""
        try:
            await self._resign_script(keys=[self._keys.lease, self._keys.taps], args=[token or self.token])
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"The lease can't be given back: {error}.") from None


def _text(fence: int | None) -> str:
    return "" if fence is None else str(fence)
