"""A server that has issued other fences than those a hub has received: the hub was on a dead branch."""

import asyncio

from sse_hub.broker.keys import Partition
from tests.support.servers import RedisServer, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

FENCES = Partition().fences


def fences_of(server: RedisServer) -> list[int]:
    with server.client() as client:
        return [int(id.partition(b"-")[0]) for id, _ in client.xrange(FENCES)]


def become_another_branch(server: RedisServer, fences: list[int]) -> None:
    """The server has had only `fences`, and the session is cut."""
    with server.client() as client:
        [session] = [each["id"] for each in client.client_list() if each["name"] == "sse-hub:session"]
        with client.pipeline(transaction=True) as all_at_once:
            all_at_once.delete(FENCES)
            for fence in fences:
                all_at_once.xadd(FENCES, {"n": ""}, f"{fence}-0")
            all_at_once.client_kill_filter(_id=session)
            all_at_once.execute()


async def test_a_hub_that_has_begun_on_a_dead_branch_tells_what_is_missing_since_that_branch_began() -> None:
    """A client may have got lines of that branch, from its log, that came before the hub did."""
    with redis_server() as server:
        with server.client() as client:
            now_ms = client.time()[0] * 1000
            common, dead = now_ms - 20_000, now_ms - 10_000
            for fence in (common, dead):
                client.xadd(FENCES, {"n": ""}, f"{fence}-0")
        with hub_process(server.url) as hub:
            async with open_stream(f"{hub.url}/message?channel=log") as stream:
                await asyncio.to_thread(wait_until, lambda: len(fences_of(server)) >= 6, "the hub has issued fences")
                *_, second, third, _ = fences_of(server)
                become_another_branch(server, [common, (second + third) // 2])
                async with asyncio.timeout(DEADLINE_SECONDS):
                    events = await stream.until(lambda event: event.type == "gap")

    assert events[-1].json["reason"] == "forked"
    assert events[-1].json["after"] == f"{common}-0"
