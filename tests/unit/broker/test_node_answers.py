"""Who has the partition, by what a node of a cluster answers, however odd."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sse_hub.broker.topology import SLOT, node_answer

ASKED = ("asked.example", 7000)
OWNER, OTHER = "a" * 40, "b" * 40


def node(id: str, host: str | None = "10.0.0.1", port: int = 7001) -> list[Any]:
    return [None if host is None else host.encode(), port, id.encode(), []]


def known(id: str, epoch: int = 1, flags: str = "master", slots: str = "0-16383", address: str = "h:1@2") -> bytes:
    return f"{id} {address} {flags} - 0 1796050000101 {epoch} connected {slots}".rstrip().encode()


def test_the_owner_is_known_with_its_epoch_and_its_replicas_are_asked_first() -> None:
    slots = [[0, 100, node(OTHER, "far")], [101, 16383, node(OWNER), node(OTHER, "near", 7002)]]

    answer = node_answer(slots, known(OWNER, 7) + b"\n" + known(OTHER), ASKED)

    assert answer.primary is not None
    assert (answer.primary.server, answer.primary.node, answer.primary.epoch) == (("10.0.0.1", 7001), OWNER, 7)
    assert answer.servers == [("10.0.0.1", 7001), ("near", 7002), ("far", 7001)]


def test_a_node_without_a_name_is_where_the_one_is_that_answers() -> None:
    """A node that has met no other does not know its address; with `unknown-endpoint` it does not tell."""
    for host in ("", "?", None):
        answer = node_answer([[0, 16383, node(OWNER, host)]], known(OWNER), ASKED)
        assert answer.primary is not None
        assert answer.primary.server == ("asked.example", 7001)


def test_nobody_has_a_slot_that_is_not_assigned() -> None:
    slots = [[0, SLOT - 1, node(OWNER)], [SLOT + 1, 16383, node(OTHER)]]
    assert node_answer(slots, known(OWNER) + b"\n" + known(OTHER), ASKED).primary is None
    assert node_answer([], b"", ASKED) == (None, [])


def test_an_owner_that_has_no_address_or_is_not_known_is_no_answer() -> None:
    slots = [[0, 16383, node(OWNER, "", 0)]]
    assert node_answer(slots, known(OWNER, flags="master,noaddr", address=":0@0"), ASKED) == (None, [])
    assert node_answer([[0, 16383, node(OWNER)]], known(OTHER), ASKED).primary is None


def test_an_owner_that_may_have_failed_still_is_the_owner() -> None:
    for flags in ("master,fail?", "master,fail", "myself,master"):
        assert node_answer([[0, 16383, node(OWNER)]], known(OWNER, flags=flags), ASKED).primary


def test_sixty_nodes_are_understood() -> None:
    ids = [f"{number:040x}" for number in range(60)]
    at = 16384 // 30
    slots = [
        [n * at, 16383 if n == 29 else (n + 1) * at - 1, node(ids[n], f"p{n}"), node(ids[n + 30], f"r{n}")]
        for n in range(30)
    ]
    answer = node_answer(slots, b"\n".join(known(id, epoch) for epoch, id in enumerate(ids)), ASKED)
    assert answer.primary is not None
    assert answer.primary.node == ids[SLOT // at]
    assert answer.primary.epoch == SLOT // at
    assert answer.servers[:2] == [(f"p{SLOT // at}", 7001), (f"r{SLOT // at}", 7001)]
    assert len(answer.servers) == 60


WORDS = st.sampled_from(
    ["master", "slave", "fail?", "fail", "handshake", "noaddr", "noflags", "-", "0", "1", "0-16383", "[5->-x]", ":0@0"]
    + ["127.0.0.1:7001@17001", "h:1@2,name,,tls-port=0,shard-id=x", "connected", "disconnected", "?", OWNER, "vars", ""]
)


@given(st.lists(st.lists(WORDS, max_size=12).map(" ".join), max_size=6).map("\n".join), st.binary(max_size=20))
def test_any_text_about_nodes_is_understood_or_left_out(text: str, more: bytes) -> None:
    node_answer([[0, 16383, node(OWNER)]], text.encode() + b"\n" + more, ASKED)
