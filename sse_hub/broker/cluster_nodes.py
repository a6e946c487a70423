"""
What a node of a cluster says of its nodes, and of its links to them. Pure: no I/O.

    CLUSTER NODES --> nodes_from() --> KnownNode        CLUSTER LINKS --> links_from() --> node --> when it was made

https://redis.io/docs/latest/commands/cluster-nodes/#serialization-format and
https://redis.io/docs/latest/commands/cluster-links/.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

# A node that was met a moment ago has a made-up id.
_UNKNOWN = ("handshake", "noaddr")
_LINE = re.compile(
    r"(?P<id>[0-9a-f]{40}) \S+ (?P<flags>\S+) \S+ (?P<ping>\d+) (?P<pong>\d+) (?P<epoch>\d+) \S+(?P<slots>( \S+)*)"
)


class KnownNode(NamedTuple):
    """
    A node as the one knows it that was asked, which is `myself`.

    `owns_slots` is True for a primary that has some. `answered_at` is when it last answered a ping, in ms by the clock
    of the one that was asked; 0 if it never has.
    """

    id: str
    epoch: int
    owns_slots: bool
    answered_at: int
    myself: bool = False


def nodes_from(reply: bytes) -> list[KnownNode]:
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
        owns_slots = bool(slots) and "master" in flags
        found.append(
            KnownNode(words["id"], int(words["epoch"]), owns_slots, int(words["pong"]), myself="myself" in flags)
        )
    return found


def links_from(reply: Sequence[Sequence[Any]]) -> dict[str, int]:
    """When the link from each node was created, by the node's id, in ms."""
    links: Iterable[dict[bytes, Any]] = (dict(zip(each[::2], each[1::2], strict=False)) for each in reply)
    return {each[b"node"].decode(): int(each[b"create-time"]) for each in links if each.get(b"direction") == b"from"}
