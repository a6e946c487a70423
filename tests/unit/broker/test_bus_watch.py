"""The links of a cluster's bus: when lines may be missing, and since when, by what an anchor answers."""

from dataclasses import dataclass, field

import pytest
import redis.asyncio

from sse_hub.broker.bus_watch import FORGET_MS, BusLinks, BusWatch
from sse_hub.broker.cluster_nodes import KnownNode, Links, links_in, nodes_in
from sse_hub.broker.keys import Partition
from sse_hub.broker.topology import Topology

ANCHOR, PRIMARY, REPLICA, OTHER = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)

# Recorded from Redis 7.0.15; only the ids are shorter to write.
NODES = f"""\
{PRIMARY} 127.0.0.1:31408@32361 master - 0 1796050000101 3 connected 10923-16383 [93-<-{OTHER}]
{ANCHOR} 127.0.0.1:31049@32365,host-1 myself,master - 0 0 2 connected 5461-10922
{REPLICA} 127.0.0.1:31107@31209 slave {PRIMARY} 1796050000301 1796050000099 3 connected
{OTHER} 127.0.0.1:30876@32001,,tls-port=0,shard-id=aaa master,fail? - 1796049999301 1796049998099 1 disconnected 0-5460
{"e" * 40} :0@0 master,noaddr - 0 0 0 disconnected
{"f" * 40} 127.0.0.1:30877@32002 handshake - 0 0 0 connected
vars currentEpoch 6 lastVoteEpoch 0
"""


def test_nodes_that_can_not_be_reached_or_are_not_known_yet_are_left_out() -> None:
    assert nodes_in(NODES.encode()) == [
        KnownNode(PRIMARY, 3, True, 1796050000101),
        KnownNode(ANCHOR, 2, True, 0, myself=True),
        KnownNode(REPLICA, 3, False, 1796050000099),
        KnownNode(OTHER, 1, True, 1796049998099, reached=False),
    ]


def test_links_are_told_apart_by_who_has_made_them() -> None:
    def link(direction: bytes, node: str, at: int) -> list[object]:
        named = [b"direction", direction, b"node", node.encode(), b"create-time", at]
        return [*named, b"events", b"r", b"send-buffer-allocated", 0, b"send-buffer-used", 0]

    links = [link(b"to", PRIMARY, 1), link(b"from", PRIMARY, 2), link(b"from", REPLICA, 3)]
    assert links_in(links) == Links(incoming={PRIMARY: 2, REPLICA: 3}, outgoing={PRIMARY: 1})


@dataclass
class Anchor:
    """An anchor with nodes whose links can be cut. The time goes on by 250 ms with each look, and fences with it."""

    links: BusLinks = field(default_factory=lambda: BusLinks(ANCHOR))
    owners: set[str] = field(default_factory=lambda: {ANCHOR, PRIMARY})
    created: dict[str, int] = field(default_factory=lambda: {PRIMARY: 500, REPLICA: 501})
    own: dict[str, int] = field(default_factory=lambda: {PRIMARY: 500, REPLICA: 501})
    silent: dict[str, int] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    now: int = 10_001

    def look(self, told: bool = True) -> int | None:
        """What a look 250 ms later finds. If that is told, it is so up to then."""
        last_fence = self.now
        self.now += 250
        nodes = [
            KnownNode(id, 1, id in self.owners, self.silent.get(id, last_fence), reached=id not in self.down)
            for id in (ANCHOR, PRIMARY, REPLICA, OTHER)
        ]
        since = self.links.look(nodes, Links(self.created, self.own), last_fence)
        if since is not None and told:
            self.links.told(self.now)
        return since


@pytest.fixture
def anchor() -> Anchor:
    anchor = Anchor()
    assert anchor.look() is None
    assert anchor.look() is None
    return anchor


def test_a_calm_bus_tells_nothing(anchor: Anchor) -> None:
    assert [anchor.look() for _ in range(1_000)] == [None] * 1_000


@pytest.mark.parametrize("node", [PRIMARY, REPLICA])
def test_a_new_link_tells_of_the_time_since_the_last_fence_before(anchor: Anchor, node: str) -> None:
    whole_at = anchor.now - 250
    anchor.created[node] = anchor.now

    assert anchor.look() == whole_at
    assert anchor.look() is None


def test_a_link_that_is_away_is_told_at_its_end_and_at_its_return(anchor: Anchor) -> None:
    whole_at = anchor.now - 250
    del anchor.created[PRIMARY]

    assert anchor.look() == whole_at
    told_to = anchor.now
    assert [anchor.look() for _ in range(8)] == [None] * 8
    anchor.created[PRIMARY] = anchor.now
    assert anchor.look() == told_to
    assert anchor.look() is None


def test_what_is_not_told_yet_is_told_from_its_beginning(anchor: Anchor) -> None:
    whole_at = anchor.now - 250
    del anchor.created[PRIMARY]

    assert anchor.look(told=False) == whole_at
    anchor.created[PRIMARY] = anchor.now
    assert anchor.look() == whole_at


def test_a_node_that_no_packet_reaches_is_told_since_it_answered_last(anchor: Anchor) -> None:
    """Its link looks well as long as nothing is sent on it, even after it has lost its slots to another."""
    answered = anchor.now - 250
    anchor.silent[PRIMARY] = answered

    assert [anchor.look() for _ in range(8)] == [None] * 8
    anchor.owners = {ANCHOR, REPLICA}
    assert [anchor.look() for _ in range(8)] == [None] * 8
    anchor.created[PRIMARY] = anchor.now
    assert anchor.look() == answered


@pytest.mark.parametrize("owners", [{ANCHOR, PRIMARY}, {ANCHOR, REPLICA}], ids=["an owner", "replaced"])
def test_a_node_that_answers_again_is_told_since_it_answered_before_it_was_cut_off(
    anchor: Anchor, owners: set[str]
) -> None:
    """It answers on the link to it, which is made anew first. That its own is dead shows only when it makes another."""
    answered = anchor.now - 250
    anchor.silent[PRIMARY] = answered
    assert [anchor.look() for _ in range(8)] == [None] * 8
    anchor.owners = owners
    del anchor.silent[PRIMARY]
    anchor.own[PRIMARY] = anchor.now
    assert [anchor.look() for _ in range(4)] == [None] * 4

    anchor.created[PRIMARY] = anchor.now
    assert anchor.look() == answered


def test_a_link_that_has_held_long_after_a_silence_is_whole(anchor: Anchor) -> None:
    anchor.own[PRIMARY] = anchor.now
    assert anchor.look() is None
    anchor.now += FORGET_MS
    assert anchor.look() is None

    whole_at = anchor.now - 250
    anchor.created[PRIMARY] = anchor.now
    assert anchor.look() == whole_at


def test_what_others_say_of_a_node_does_not_show_that_it_is_reached(anchor: Anchor) -> None:
    answered = anchor.now - 250
    anchor.silent[PRIMARY] = answered
    assert anchor.look() is None
    anchor.silent[PRIMARY] = (anchor.now // 1000 + 1) * 1000
    for _ in range(8):
        assert anchor.look() is None

    anchor.created[PRIMARY] = anchor.now
    assert anchor.look() == answered


def test_a_restarted_replica_is_not_told(anchor: Anchor) -> None:
    del anchor.created[REPLICA]
    anchor.down = {REPLICA}
    assert [anchor.look() for _ in range(3)] == [None] * 3
    anchor.created[REPLICA] = anchor.now
    anchor.down = set()
    assert [anchor.look() for _ in range(3)] == [None] * 3


@pytest.mark.parametrize("looks", [1, 8])
def test_a_link_of_a_replica_that_runs_is_told_however_long_it_takes_to_come_back(anchor: Anchor, looks: int) -> None:
    whole_at = anchor.now - 250
    del anchor.created[REPLICA]
    assert [anchor.look() for _ in range(looks)] == [None] * looks
    anchor.created[REPLICA] = anchor.now
    assert anchor.look() == whole_at


def test_a_promoted_replica_and_a_primary_that_is_gone_for_good_are_told_only_when_it_dies(anchor: Anchor) -> None:
    del anchor.created[PRIMARY]
    anchor.down = {PRIMARY}
    assert anchor.look() is not None
    assert anchor.look() is None
    anchor.owners = {ANCHOR, REPLICA}
    anchor.now += FORGET_MS
    assert [anchor.look() for _ in range(3)] == [None] * 3
    assert not anchor.links.away
    # The dead one comes back as a replica.
    anchor.created[PRIMARY] = anchor.now
    assert [anchor.look() for _ in range(3)] == [None] * 3


def test_a_primary_that_was_replaced_while_it_was_cut_off_is_told_until_it_is_back(anchor: Anchor) -> None:
    del anchor.created[PRIMARY]
    anchor.down = {PRIMARY}
    assert anchor.look() is not None
    told_to = anchor.now
    anchor.owners = {ANCHOR, REPLICA}
    assert [anchor.look() for _ in range(8)] == [None] * 8
    anchor.created[PRIMARY], anchor.down = anchor.now, set()
    assert anchor.look() == told_to


def test_a_node_that_joins_and_gets_slots_later_is_not_told(anchor: Anchor) -> None:
    anchor.created[OTHER] = anchor.now
    assert anchor.look() is None
    anchor.owners.add(OTHER)
    assert anchor.look() is None


def test_a_node_that_has_slots_before_its_link_was_seen_is_told(anchor: Anchor) -> None:
    anchor.owners.add(OTHER)
    assert anchor.look() is not None
    anchor.created[OTHER] = anchor.now
    assert anchor.look() is not None
    assert anchor.look() is None


def test_a_link_made_after_the_first_fence_of_a_session_is_told() -> None:
    anchor = Anchor()
    anchor.created[PRIMARY] = anchor.now + 10
    assert anchor.look() == anchor.now - 250
    assert anchor.look() is None


def test_links_made_before_the_first_fence_of_all_are_not_told() -> None:
    links = BusLinks(ANCHOR)
    assert links.look([KnownNode(PRIMARY, 1, True, 0)], Links({PRIMARY: 500}, {}), 0) is None


def broken_watch(since: int, seen_at: int) -> BusWatch:
    """A watch of sessions that began with the fence 1000, which has seen at `seen_at` that links broke `since` then."""
    watch = BusWatch(redis.asyncio.Redis(), Topology("redis+cluster://127.0.0.1:1", Partition()))
    watch.session_started(1_000)
    watch._broken_since, watch._seen_at = since, seen_at
    return watch


def test_what_is_missing_is_told_with_the_first_fence_issued_after_it_was_seen() -> None:
    watch = broken_watch(2_000, seen_at=2_500)
    assert [watch.take_broken(fence) for fence in (2_400, 2_500, 2_501, 2_600)] == [0, 0, 2_000, 0]


def test_nothing_is_told_from_before_the_first_fence_of_all() -> None:
    assert broken_watch(0, seen_at=2_500).take_broken(2_600) == 1_000


def test_what_a_session_could_not_tell_is_told_by_the_next_one_wherever_it_is() -> None:
    """The clock of another node may be behind that of the one where it was seen."""
    watch = broken_watch(2_000, seen_at=9_000)
    watch.session_started(3_000)
    assert watch.take_broken(3_100) == 2_000


def test_what_a_gap_of_a_dead_branch_covers_is_not_told_again() -> None:
    watch = broken_watch(2_000, seen_at=2_500)
    watch.session_started(3_000, told_since=1_900)
    assert watch.take_broken(3_100) == 0
