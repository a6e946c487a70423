"""
What a server says when it can't, or may not, order lines now. Pure: no I/O.

    an error of redis-py, or the text of an error reply --> refusal() --> the server's own words, or ""
"""

import re

from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    ReadOnlyError,
    TryAgainError,
)

REFUSALS = ("MOVED", "ASK", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "LOADING", "NOREPLICAS", "TRYAGAIN")
"""
The first words of errors after which a session can't stay: another server has the partition, or this one takes no
writes. See https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#redirection-and-resharding, and
`min-replicas-to-write` in redis.conf for NOREPLICAS.
"""
CLUSTER_DOWN = "CLUSTERDOWN"
_IN_SCRIPT = re.compile(rf"[-:] ?(?:{'|'.join(REFUSALS)}) ")
# redis-py turns these words into classes, and drops them from the text: "16142 127.0.0.1:7001" says nothing.
_WORDS = {
    MovedError: "MOVED",
    AskError: "ASK",
    ReadOnlyError: "READONLY",
    ClusterDownError: "CLUSTERDOWN",
    MasterDownError: "MASTERDOWN",
    BusyLoadingError: "LOADING",
    TryAgainError: "TRYAGAIN",
}


def refusal(error: BaseException | str) -> str:
    """What a server said, beginning with one of REFUSALS; "" if `error` is another one."""
    text = str(error)
    if text.startswith(REFUSALS):
        return text
    word = _WORDS.get(type(error), "") if isinstance(error, BaseException) else ""
    if not word:
        # For a command in a script, servers put words of their own before these.
        return text if _IN_SCRIPT.search(text) else ""
    return f"{word} {text}".strip()
