"""T10, T14: publishing, tickets and revocations hold while the anchor moves; what a slot does that is half moved."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from sse_hub.broker.keys import CLUSTER_PREFIX, Partition
from tests.support.cluster_servers import ClusterNode, ClusterServers, cluster_servers
from tests.support.cluster_trial import REDIS, on_trial
from tests.support.http_client import fetch
from tests.support.servers import HubProcess
from tests.support.settings import ROOT, at_scale
from tests.support.sse_client import open_stream
from tests.support.tokens import bearer, keep_ticket, publish, stream_url, ticket_for, token, token_header, token_hub
from tests.support.trial_load import LINES_PER_SECOND
from tests.support.waiting import wait_until

BETWEEN = LINES_PER_SECOND * 2 // 5
KEYS = at_scale(120, 2_000)


@pytest.fixture(scope="module")
def rig() -> Iterator[ClusterServers]:
    with cluster_servers(node_timeout_ms=1_500, binary=REDIS) as rig:
        yield rig


@pytest.fixture(scope="module")
def hubs(rig: ClusterServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[HubProcess]]:
    """Two hubs that require tokens, and record."""
    with (
        token_hub(rig.url, tmp_path_factory.mktemp("a")) as one,
        token_hub(rig.url, tmp_path_factory.mktemp("b")) as other,
    ):
        wait_until(lambda: all(is_well(hub) for hub in (one, other)), "what they get is recorded")
        yield [one, other]


def operator() -> dict[str, str]:
    """The headers of somebody who may do everything, with a new token: they expire."""
    return bearer(subscribe=["app.*"], publish=["app.*"], operate=True)


def is_well(hub: HubProcess) -> bool:
    """True if `hub` is ready, and what it gets is recorded."""
    state = fetch(hub, "/health/ready", headers=operator()).json
    return bool(state.get("ready") and state.get("recording"))


def is_at(hub: HubProcess, anchor: ClusterNode) -> bool:
    """True if the last session of `hub` is at `anchor`."""
    return f"server={anchor.address} " in hub.output.rpartition("session_started")[2]


def another(rig: ClusterServers) -> ClusterNode:
    """A primary that is not the anchor."""
    anchor = rig.wait_owner()
    return next(each for each in rig.primaries() if each != anchor)


def move(rig: ClusterServers) -> None:
    rig.move_slot(another(rig))


@pytest.mark.parametrize("fault", [ClusterServers.fail_over, move])
async def test_each_line_is_published_once_by_its_key_across_a_move(
    rig: ClusterServers, hubs: list[HubProcess], fault: Callable[[ClusterServers], object], channel: str
) -> None:
    name = f"app.{channel}"
    ids: dict[int, str] = {}
    statuses: Counter[int] = Counter()

    def publish_all() -> None:
        for number in range(KEYS):
            headers = operator() | {"Idempotency-Key": f"{name} {number}".replace(" ", "-")}
            while number not in ids:
                # A client that retries goes to another hub.
                hub = hubs[(number + sum(statuses.values())) % 2]
                answer = fetch(hub, f"/publish?channel={name}", json.dumps({"n": number}).encode(), headers)
                statuses[answer.status] += 1
                if answer.status == 200:
                    ids[number] = answer.json["last_id"]
                else:
                    assert answer.status == 503, answer.body

    publishing = asyncio.create_task(asyncio.to_thread(publish_all))
    await asyncio.to_thread(wait_until, lambda: len(ids) > KEYS // 4, "it publishes")
    await asyncio.to_thread(fault, rig)
    await publishing
    await asyncio.to_thread(wait_until, lambda: all(is_well(hub) for hub in hubs), "they are well")

    for hub in hubs:
        page = fetch(hub, f"/history?channel={name}&limit=5000&after=0-0", headers=operator()).json
        recorded = {json.loads(line)["n"]: id for id, _, line, _ in page["lines"]}
        assert len(page["lines"]) == KEYS
        assert recorded == ids
    again = operator() | {"Idempotency-Key": f"{name}-0"}
    assert fetch(hubs[0], f"/publish?channel={name}", b'{"n": 0}', again).json["last_id"] == ids[0]
    assert fetch(hubs[1], f"/publish?channel={name}", b'{"n": 1}', again).status == 422


async def test_tickets_and_revocations_hold_across_a_failover(rig: ClusterServers, hubs: list[HubProcess]) -> None:
    revoked = token(subscribe=["app.*"])
    ticket = ticket_for(hubs[0], "channel=app.a", operator())
    keep_ticket(rig.wait_owner().ask, ticket, Partition(CLUSTER_PREFIX))
    used = ticket_for(hubs[0], "channel=app.a", operator())
    async with open_stream(stream_url(hubs[1], f"channel=app.a&ticket={used}")):
        pass
    words = [sys.executable, "-m", "sse_hub.cli", "token", "revoke", revoked, "--redis-url", rig.url]
    async with open_stream(stream_url(hubs[1], "channel=app.a"), token_header(revoked)) as stream:
        await asyncio.to_thread(rig.fail_over)
        await asyncio.to_thread(subprocess.run, words, cwd=ROOT, check=True)
        await asyncio.to_thread(
            wait_until,
            lambda: all(fetch(hub, "/whoami", headers=token_header(revoked)).status == 401 for hub in hubs),
            "both hubs know of it",
        )
        assert [event.type for event in await stream.until(lambda event: event.type == "auth")][-1] == "auth"
    anchor = await asyncio.to_thread(rig.fail_over)
    # Before a hub has noticed, it is well too, but can redeem no ticket at the old anchor: it ends the stream at once.
    await asyncio.to_thread(wait_until, lambda: all(is_at(hub, anchor) for hub in hubs), "they are at the new anchor")
    await asyncio.to_thread(wait_until, lambda: all(is_well(hub) for hub in hubs), "they are well")

    assert all(fetch(hub, "/whoami", headers=token_header(revoked)).status == 401 for hub in hubs)
    async with open_stream(stream_url(hubs[1], f"channel=app.a&ticket={ticket}&tail=1")) as stream:
        publish(hubs[0], "app.a", {"message": "on"}, operator())
        assert await stream.take(1)
    for spent in (ticket, used):
        assert fetch(hubs[0], f"/message?channel=app.a&ticket={spent}").status == 403


async def test_a_move_that_is_begun_and_given_up_costs_nothing(rig: ClusterServers) -> None:
    anchor = rig.wait_owner()
    async with on_trial(rig) as trial:
        await trial.sent(BETWEEN)
        await asyncio.to_thread(rig.begin_move, another(rig))
        await trial.sent(2 * BETWEEN)
        await asyncio.to_thread(rig.cancel_move)
        await trial.recovered()
        await trial.sent(BETWEEN)

    assert rig.wait_owner() == anchor
    assert trial.verdict.holds, str(trial.verdict)
    assert trial.gaps() == []


async def test_a_slot_that_is_half_moved_for_a_while_is_told(rig: ClusterServers) -> None:
    """Its clock is at the new node, which does not own it yet, and its log at the old one: nobody orders the lines."""
    async with on_trial(rig) as trial:
        await trial.sent(BETWEEN)
        anchor, target = rig.wait_owner(), another(rig)
        await asyncio.to_thread(rig.begin_move, target)
        anchor.ask("MIGRATE", target.host, target.port, "{sse-hub}:clock", 0, 5_000)
        await asyncio.to_thread(
            wait_until, lambda: not any(hub.ready() for hub in trial.hubs), "nobody can order the lines"
        )
        await trial.sent(BETWEEN)
        await asyncio.to_thread(rig.move_slot, target)
        await trial.recovered()
        await trial.sent(BETWEEN)

    assert trial.verdict.holds, str(trial.verdict)
    assert {gap.reason for gap in trial.gaps()} == {"failover"}
    assert trial.most_gaps() == 1
