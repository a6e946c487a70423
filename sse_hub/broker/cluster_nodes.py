"""
What a node of a cluster says of its nodes, and of the links between them and it. Pure: no I/O.

    CLUSTER NODES --> nodes_in() --> KnownNode          CLUSTER LINKS --> links_in() --> Links: when each was made

https://redis.io/docs/latest/commands/cluster-nodes/#serialization-format and
https://redis.io/docs/latest/commands/cluster-links/.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

# A node that was met a moment ago has a made-up id.
_UNKNOWN = ("handshake", "noaddr")
_LINE = re.compile(
    r"(?P<id>[0-9a-f]{40}) \S+ (?P<flags>\S+) \S+ \d+ (?P<pong>\d+) (?P<epoch>\d+) (?P<link>\S+)(?P<slots>( \S+)*)"
)


class KnownNode(NamedTuple):
    """
    A node as the one knows it that was asked, which is `myself`.

    `owns_slots` is True for a primary that has some. `answered_at` is when it last answered a ping, in ms by the clock
    of the one that was asked; 0 if it never has. `reached` is False where that one has no link to it,
    or takes it for failed.
    """

    id: str
    epoch: int
    owns_slots: bool
    answered_at: int
    myself: bool = False
    reached: bool = True


def nodes_in(reply: bytes) -> list[KnownNode]:
    """The nodes in a reply to CLUSTER NODES. What is none is left out."""
    found = []
    for line in reply.decode(errors="replace").splitlines():
        words = _LINE.fullmatch(line.rstrip())
        if words is None:
            continue
        flags = words["flags"].split(",")
        if any(flag in _UNKNOWN for flag in flags):
            continue
        # In brackets: slots that are on their way to or from it.
        slots = [each for each in words["slots"].split() if not each.startswith("[")]
        found.append(
            KnownNode(
                id=words["id"],
                epoch=int(words["epoch"]),
                owns_slots=bool(slots) and "master" in flags,
                answered_at=int(words["pong"]),
                myself="myself" in flags,
                reached=words["link"] == "connected" and not {"fail", "fail?"} & set(flags),
            )
        )
    return found


class Links(NamedTuple):
    """When each link was made, in ms, by the id of the node at its other end."""

    incoming: dict[str, int]
    outgoing: dict[str, int]


def links_in(reply: Sequence[Sequence[Any]]) -> Links:
    """The links in a reply to CLUSTER LINKS: those that nodes have made to the one that was asked, and its own."""
    links = Links({}, {})
    for each in reply:
        words = dict(zip(each[::2], each[1::2], strict=False))
        made = {b"from": links.incoming, b"to": links.outgoing}.get(words.get(b"direction", b""))
        if made is not None:
            made[words[b"node"].decode()] = int(words[b"create-time"])
    return links
