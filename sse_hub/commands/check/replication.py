"""
Checks what a primary with replicas does when it is cut off from them.

    client of the primary --> results: writable, partition, lag
"""

from typing import Any

from redis.exceptions import NoPermissionError, RedisError, ResponseError

from sse_hub.broker.keys import Partition
from sse_hub.commands.check.result import CheckResult, bad, passed, unknown, warning
from sse_hub.errors import error_text

# A replica acknowledges once a second.
MAX_LAG_SECONDS = 2


async def check_replication(client: Any, partition: Partition) -> list[CheckResult]:
    """The results for the primary of Sentinels. Raises RedisError, OSError."""
    return [await _check_writable(client, partition), await _check_split(client), await _check_lag(client)]


async def _check_writable(client: Any, partition: Partition) -> CheckResult:
    try:
        # As each session proves it.
        await client.set(partition.clock, 0, nx=True)
    except NoPermissionError as error:
        return bad("primary", f"{error}; see sse-hub redis-acl for the rights needed")
    except ResponseError as error:
        return bad("primary", f"takes no writes, so nothing is recorded: {error_text(error)}")
    return passed("primary", "writable")


async def _check_split(client: Any) -> CheckResult:
    subject, wanted = "split network", "set min-replicas-to-write to 1, and min-replicas-max-lag to 2 or more"
    try:
        replicas = int((await client.config_get("min-replicas-to-write"))["min-replicas-to-write"])
        seconds = int((await client.config_get("min-replicas-max-lag"))["min-replicas-max-lag"])
    except (RedisError, KeyError):
        return unknown(subject, f"CONFIG GET is not permitted; {wanted}")
    if not replicas or not seconds:
        return warning(
            subject,
            "min-replicas-to-write is 0: a primary that is cut off goes on taking lines, which are lost when it comes "
            f"back, and clients of hubs on its side miss those of the others; {wanted}",
        )
    return passed(subject, f"a primary with fewer than {replicas} replicas takes no lines after {seconds} s")


async def _check_lag(client: Any) -> CheckResult:
    subject = "replication lag"
    try:
        info = await client.info("replication")
    except NoPermissionError:
        return unknown(subject, "INFO is not permitted; what replicas lack when the primary dies is lost from the log")
    replicas = [each for name, each in info.items() if name.startswith("slave") and isinstance(each, dict)]
    lags = [int(each["lag"]) for each in replicas if each.get("state") == "online"]
    if not lags:
        return bad(subject, "no replica has the data of the primary: if it dies, the log is lost")
    if min(lags) > MAX_LAG_SECONDS:
        return warning(subject, f"the best replica is {min(lags)} s behind: so much is lost from the log at a failover")
    return passed(subject, f"the best replica is {min(lags)} s behind")
