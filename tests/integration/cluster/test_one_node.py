"""A cluster of one node, as managed services have it, and the URL of any node: the hub is ready, and records."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.cluster_servers import ClusterServers, cluster_servers
from tests.support.cluster_trial import REDIS, VALKEY, on_trial
from tests.support.http_client import fetch, post
from tests.support.servers import HUB_PASSWORD, HUB_USER, HubProcess, hub_process
from tests.support.waiting import wait_until


@pytest.fixture(scope="module", params=[REDIS, VALKEY], ids=["redis", "valkey"])
def one_node(request: pytest.FixtureRequest) -> Iterator[ClusterServers]:
    with cluster_servers(primaries=1, replicas=0, binary=request.param) as rig:
        yield rig


@pytest.fixture(scope="module")
def rig() -> Iterator[ClusterServers]:
    with cluster_servers(binary=REDIS) as rig:
        yield rig


def check_all_works(hub: HubProcess, channel: str) -> None:
    """AssertionError unless what is published to `hub` is recorded, and read again."""
    hub.wait_recording()
    answer = post(hub, channel, b'{"message": "one"}', b'{"message": "two"}')
    assert (answer.status, answer.json["published"]) == (200, 2), answer.body
    page = fetch(hub, f"/history?channel={channel}&limit=10&after=0-0").json
    assert [line[2] for line in page["lines"]] == ['{"message": "one"}', '{"message": "two"}']
    assert page["lines"][-1][0] == answer.json["last_id"]


@pytest.mark.parametrize("scheme", ["redis+cluster", "redis"])
def test_a_cluster_of_one_node_is_as_good_as_a_server(one_node: ClusterServers, scheme: str, channel: str) -> None:
    url = f"{scheme}://{HUB_USER}:{HUB_PASSWORD}@{one_node.nodes[0].address}"
    with hub_process(url) as hub:
        check_all_works(hub, channel)


async def test_lines_through_a_cluster_of_one_node_are_all_there(one_node: ClusterServers) -> None:
    async with on_trial(one_node) as trial:
        await trial.sent(500)

    assert trial.verdict.holds, str(trial.verdict)
    assert trial.gaps() == []


def test_rules_work_on_a_cluster(one_node: ClusterServers, channel: str) -> None:
    # The trial above has published on others of this server.
    channel = f"rules-{channel}"
    url = f"redis+cluster://{HUB_USER}:{HUB_PASSWORD}@{one_node.nodes[0].address}"
    rule = json.dumps({"channels": [channel], "filter": "one", "by": ["message"]}).encode()
    with hub_process(url) as hub:
        hub.wait_recording()
        made = fetch(hub, f"/rules/{channel}", rule, {"If-None-Match": "*"}, "PUT")
        assert (made.status, made.json["state"]["at_work"]) == (201, True)
        check_all_works(hub, channel)
        wait_until(lambda: fetch(hub, "/rules").json["rules"][0]["state"]["alerts"] == 1, "the rule has fired")
        assert fetch(hub, f"/rules/{channel}", None, {"If-Match": made.json["version"]}, "DELETE").status == 200


@pytest.mark.parametrize("which", ["owner", "other", "replica"])
def test_the_url_of_any_node_leads_to_the_one_that_orders_the_lines(
    rig: ClusterServers, which: str, channel: str
) -> None:
    owner = rig.wait_owner()
    nodes = {
        "owner": owner,
        "other": next(each for each in rig.primaries() if each != owner),
        "replica": rig.replicas_of(owner)[0],
    }
    with hub_process(nodes[which].url) as hub:
        check_all_works(hub, channel)


@pytest.mark.parametrize("scheme", ["redis+cluster", "redis"])
def test_a_hub_that_starts_before_its_cluster_finds_it(scheme: str, channel: str) -> None:
    with ExitStack() as stack:
        rig = stack.enter_context(cluster_servers(primaries=1, replicas=0, binary=REDIS))
        [node] = rig.nodes
        node.kill()
        url = f"{scheme}://{HUB_USER}:{HUB_PASSWORD}@{node.address}"
        hub = stack.enter_context(hub_process(url, ready=False))
        wait_until(lambda: "redis_unreachable" in hub.output, "it has looked for its cluster")
        assert not hub.ready()
        node.start()
        hub.wait_ready()
        check_all_works(hub, channel)
