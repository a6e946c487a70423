"""
Checks the nodes of a cluster, as far as the hub depends on them.

    client of the anchor, what it is --> results: cluster, anchor, failover, coverage, bus, one slot
"""

from typing import Any

from redis.exceptions import NoPermissionError, RedisError, ResponseError

from sse_hub.broker.keys import Partition
from sse_hub.broker.topology import Primary
from sse_hub.commands.check.result import CheckResult, bad, passed, unknown, warning

MAX_NODE_TIMEOUT_MS = 5_000
# A hub may have very many channels: the largest count.
MEASURED_CHANNELS = 1_000


async def check_nodes(client: Any, partition: Partition, anchor: Primary) -> list[CheckResult]:
    """The results for the cluster whose anchor is `anchor`, at `client`. Raises RedisError, OSError."""
    return [
        await _check_state(client),
        await _check_anchor(client, anchor),
        await _check_node_timeout(client),
        await _check_coverage(client),
        await _check_bus(client),
        await _check_slot(client, partition),
    ]


async def _check_state(client: Any) -> CheckResult:
    try:
        text = (await client.execute_command("CLUSTER", "INFO")).decode()
    except NoPermissionError:
        return unknown("cluster", "CLUSTER INFO is not permitted; see sse-hub redis-acl --cluster")
    info = dict(line.split(":", 1) for line in text.split() if ":" in line)
    if info.get("cluster_state") != "ok":
        missing = 16_384 - int(info.get("cluster_slots_ok", 0))
        return bad("cluster", f"cluster_state is {info.get('cluster_state')}: {missing} slots have no owner")
    return passed("cluster", f"ok, {info.get('cluster_known_nodes')} nodes, {info.get('cluster_size')} with slots")


async def _check_anchor(client: Any, anchor: Primary) -> CheckResult:
    text = (await client.execute_command("CLUSTER", "NODES")).decode()
    replicas = failed = 0
    for line in text.splitlines():
        _, _, flags, primary, *_ = line.split(" ")
        if primary == anchor.node:
            failed += "fail" in flags
            replicas += 1
    told = f"{anchor} has the slot of {{sse-hub}}"
    if replicas == failed:
        return warning("anchor", f"{told}, and no replica that answers: when it dies, lines stop until it is back")
    return passed("anchor", f"{told}, with {replicas - failed} replica{'s' * (replicas - failed > 1)}")


async def _check_node_timeout(client: Any) -> CheckResult:
    name, wanted = "cluster-node-timeout", f"set it to {MAX_NODE_TIMEOUT_MS} or less"
    try:
        timeout_ms = int((await client.config_get(name))[name])
    except (RedisError, KeyError):
        return unknown("failover", f"CONFIG GET is not permitted; {name}: {wanted}")
    if timeout_ms > MAX_NODE_TIMEOUT_MS:
        return warning(
            "failover", f"{name} is {timeout_ms}: when the anchor dies, lines stop for so many ms and more; {wanted}"
        )
    return passed("failover", f"begins {timeout_ms} ms after the anchor has died")


async def _check_coverage(client: Any) -> CheckResult:
    name = "cluster-require-full-coverage"
    wanted = "with no, other slots without an owner don't stop lines"
    try:
        setting = (await client.config_get(name))[name]
    except (RedisError, KeyError):
        return unknown("coverage", f"CONFIG GET is not permitted; {name}: {wanted}")
    if setting == "yes":
        return warning("coverage", f"{name} is yes: when any slot has no owner, nothing is recorded; {wanted}")
    return passed("coverage", f"{name} is {setting}")


async def _check_bus(client: Any) -> CheckResult:
    try:
        links = await client.execute_command("CLUSTER", "LINKS")
    except NoPermissionError:
        return warning("bus", "CLUSTER LINKS is not permitted: lines that are lost between two nodes are not noticed")
    except ResponseError:
        return warning("bus", "this server has no CLUSTER LINKS: lines that are lost between two nodes are not noticed")
    return passed("bus", f"{len(links)} links are watched")


async def _check_slot(client: Any, partition: Partition) -> CheckResult:
    try:
        names = await client.zrangebyscore(partition.recent, "-inf", "+inf", 0, MEASURED_CHANNELS)
        async with client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.execute_command("MEMORY", "USAGE", partition.log(name.decode(errors="surrogateescape")))
            sizes = await pipeline.execute()
        count = int(await client.zcard(partition.recent))
    except NoPermissionError as error:
        return unknown("one slot", f"the size of the log can't be read: {error}")
    measured = sum(size or 0 for size in sizes) / max(1, len(names)) * count
    return passed(
        "one slot", f"the log of {count} channels takes about {measured / 1e6:.0f} MB, all of it at the anchor"
    )
