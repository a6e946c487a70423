"""
Departure: all hubs leave a server that was replaced at the same place in its order of lines, so that their rings agree.

    Topology: another primary --> leave() --> PUBLISH "moved" at the server that is left
                                                  └──► Session, in every hub: halted there --> is_announced()
                                                           └── does the topology agree? --> ended, or resumed

Hubs notice a new primary up to a fifth of a second apart, and a planned failover leaves the old one alone for seconds.
So lines would still come to one hub when another one has left, and be recorded where nobody will read them.
Once it is announced, the scripts of our own publishers publish nothing at that server.
A cluster needs none of this: the first fence of another node ends all sessions at one place.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from redis.exceptions import RedisError

from sse_hub.broker.address import connection_to
from sse_hub.broker.session import MOVED, Session
from sse_hub.broker.topology import Primary, Topology
from sse_hub.errors import error_text

logger = logging.getLogger(__name__)

# An old primary may be dead or frozen: then nobody waits for it.
LEAVE_SECONDS = 0.25
# After an announcement that was not true, none is believed for this long: anybody who may publish can make one.
DISTRUST_SECONDS = 10.0
# Until then it has become a replica, with the keys of its primary.
LEFT_MS = 10_000


class Departure:
    """Ends the sessions of one hub. `not_true` is called with an announcement that the topology does not agree with."""

    def __init__(self, topology: Topology, not_true: Callable[[bytes], None]) -> None:
        self._topology = topology
        self._not_true = not_true
        self._distrusts_until = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def leave(self, session: Session, primary: Primary) -> None:
        """End `session` with `primary`, which was replaced, where all hubs end theirs: within LEAVE_SECONDS."""
        if session.halted or self._topology.kind != "sentinel":
            session.close(self._reason)
        else:
            self._start(self._announce(session, primary))

    def is_announced(self, session: Session, primary: Primary) -> bool:
        """
        Some hub leaves `primary` here. Returns False if that is not believed, else what comes next must wait.

        Then `session` is ended, or resumed.
        """
        loop = asyncio.get_running_loop()
        if not self._topology.names(primary):
            session.close(self._reason)
            return True
        if self._topology.kind != "sentinel" or loop.time() < self._distrusts_until:
            self._not_true(MOVED)
            return False
        self._start(self._ask(session, primary))
        return True

    def cancel(self) -> None:
        """The session has ended."""
        if self._task:
            self._task.cancel()
            self._task = None

    @property
    def _reason(self) -> str:
        return f"{self._topology.primary} has its place"

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self.cancel()
        self._task = asyncio.get_running_loop().create_task(work, name="departure")
        self._task.add_done_callback(_report_failure)

    async def _announce(self, session: Session, primary: Primary) -> None:
        connection = connection_to(self._topology.servers, primary.server)
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await connection.connect()  # type: ignore[no-untyped-call]
                # First: the sessions of all hubs last for a moment more, and publishers take them for receivers.
                await connection.send_command("SET", self._topology.partition.left, "1", "PX", LEFT_MS)
                await connection.read_response()
                await connection.send_command("PUBLISH", self._topology.partition.fence_channel, MOVED)
                await connection.read_response()
                # It comes to this session, too, behind the lines that the other hubs have got.
                await asyncio.wait([session.ended])
        except (RedisError, OSError, TimeoutError) as error:
            logger.debug("departure_not_announced error=%(error)r", {"error": error_text(error)})
        finally:
            session.close(self._reason)
            await connection.disconnect(nowait=True)

    async def _ask(self, session: Session, primary: Primary) -> None:
        await self._topology.ask_again()
        # If it has moved, leave() has been called.
        if self._topology.names(primary):
            self._distrusts_until = asyncio.get_running_loop().time() + DISTRUST_SECONDS
            self._not_true(MOVED)
            session.resume()


def _report_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        task.get_loop().call_exception_handler({"message": "a departure failed", "exception": error, "task": task})
