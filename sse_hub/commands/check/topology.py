"""
Checks what several servers are to each other: a primary with Sentinels, or the nodes of a cluster.

    URL --> check_sentinels() and check_replication(), or check_nodes() --> results; none for a single server
"""

from collections.abc import AsyncIterator
from typing import Any

from redis.exceptions import RedisError

from sse_hub.broker.connect import publisher_topology, topology_client
from sse_hub.broker.keys import Partition
from sse_hub.commands.check.nodes import check_nodes
from sse_hub.commands.check.replication import check_replication
from sse_hub.commands.check.result import CheckResult, bad
from sse_hub.commands.check.sentinels import check_sentinels
from sse_hub.errors import error_text


async def check_topology(url: str) -> AsyncIterator[CheckResult]:
    """The results for the servers that belong together at `url`."""
    partition = Partition()
    topology = publisher_topology(url, partition)
    if topology.kind == "sentinel":
        for result in await check_sentinels(topology.servers):
            yield result
    client: Any = topology_client(topology)
    async with client:
        try:
            primary = await topology.find()
            if topology.kind == "sentinel":
                results = await check_replication(client, partition)
            elif topology.kind == "cluster":
                results = await check_nodes(client, partition, primary)
            else:
                results = []
        except (RedisError, OSError) as error:
            results = [bad("topology", error_text(error))]
        for result in results:
            yield result
