"""
Whether the server keeps the order of lines, measured once, in the background, when a hub starts.

    the first fence --> measure_order(), again if it was not kept --> twice not kept: RedisSource.refuse()
"""

import asyncio
import logging

from redis.exceptions import NoPermissionError, RedisError

from sse_hub.broker.keys import Partition
from sse_hub.broker.order_probe import Connect, OrderMeasurement, measure_order
from sse_hub.broker.source import RedisSource
from sse_hub.errors import SourceUnavailable, error_text

logger = logging.getLogger(__name__)

LINES = 400
# While a cluster moves a slot, or Sentinel promotes a replica, connections may lead to two servers, once: so one
# measurement does not convict. One of these in order does not acquit either: many servers mix up lines only at times.
MAX_MEASUREMENTS = 5
CONVICTING_MEASUREMENTS = 2
BETWEEN_SECONDS = 1.0
# After a measurement that failed, doubled each time: a server that is overloaded must not get this on top of it.
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 1.0, 60.0


class OrderWatch:
    """Has `source` refuse a server that does not keep the order of lines."""

    def __init__(self, source: RedisSource, connect: Connect, partition: Partition) -> None:
        self._source = source
        self._connect = connect
        self._partition = partition
        self._failed = False

    async def run(self) -> None:
        """Measure the order, then wait until cancelled."""
        pause = FIRST_PAUSE_SECONDS
        while not await self._measure():
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE_SECONDS)
        await asyncio.get_running_loop().create_future()

    async def _measure(self) -> bool:
        """Returns False when it has to be tried again later."""
        try:
            # A hub becomes ready first.
            await self._source.join(())
            not_kept = await self._convicting_measurements()
        except NoPermissionError as error:
            # An account from before there was this probe.
            self._log_failure(error)
            return True
        except (SourceUnavailable, RedisError, OSError) as error:
            self._log_failure(error)
            return False
        if len(not_kept) == CONVICTING_MEASUREMENTS:
            last = not_kept[-1]
            logger.error(
                "order_not_kept lines=%(lines)d different=%(different)d lost=%(lost)d",
                {"lines": last.lines, "different": last.different, "lost": last.lost},
            )
            self._source.refuse(last.fault)
        return True

    async def _convicting_measurements(self) -> list[OrderMeasurement]:
        """The measurements in which the order was not kept, up to CONVICTING_MEASUREMENTS."""
        not_kept: list[OrderMeasurement] = []
        for number in range(MAX_MEASUREMENTS):
            if number:
                await asyncio.sleep(BETWEEN_SECONDS)
            measured = await measure_order(self._connect, self._partition, LINES)
            if not measured.kept:
                not_kept.append(measured)
            if not not_kept or len(not_kept) == CONVICTING_MEASUREMENTS:
                break
        return not_kept

    def _log_failure(self, error: Exception) -> None:
        if not self._failed:
            logger.info("order_not_measured error=%(error)r", {"error": error_text(error)})
        self._failed = True
