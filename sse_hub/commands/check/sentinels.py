"""
Checks the Sentinels of a URL, and what they would do.

    URL --> each Sentinel: SENTINEL MASTER, SENTINELS, REPLICAS --> results: sentinels, quorum, replicas
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from sse_hub.broker.address import ASK_SECONDS, HostPort, connection_to
from sse_hub.broker.topology import Answer, Primary, sentinel_answer, sentinel_commands
from sse_hub.commands.check.result import CheckResult, bad, passed, warning
from sse_hub.errors import error_text
from sse_hub.redis_url import RedisServers

ENOUGH_SENTINELS = 3
# What Sentinel says of a replica that it could not promote.
UNUSABLE = ("s_down", "o_down", "disconnected")


class SentinelView(NamedTuple):
    """What one Sentinel knows; `quorum` must notice that the primary is down, `usable` of `replicas` are linked."""

    answer: Answer
    quorum: int
    replicas: int
    usable: int


async def check_sentinels(servers: RedisServers) -> list[CheckResult]:
    """The results for the Sentinels in `servers`, and those that they know."""
    views: dict[HostPort, SentinelView | str] = {}
    to_ask = list(servers.hosts)
    while to_ask:
        found = await asyncio.gather(*(_view(servers, each) for each in to_ask))
        views |= dict(zip(to_ask, found, strict=True))
        learned = {each for view in found if isinstance(view, SentinelView) for each in view.answer.servers}
        # A name of the URL and an address may be the same Sentinel, which is then asked twice.
        to_ask = sorted(learned - views.keys()) if len(views) == len(servers.hosts) else []
    return list(judge_sentinels(views))


def judge_sentinels(views: dict[HostPort, SentinelView | str]) -> Iterator[CheckResult]:
    """The results for what each Sentinel says, or why it does not answer. Pure."""
    answering = [view for view in views.values() if isinstance(view, SentinelView)]
    silent = "; ".join(f"{host}:{port}: {why}" for (host, port), why in views.items() if isinstance(why, str))
    if not answering:
        yield bad("sentinels", f"none of {len(views)} answers: {silent}")
        return
    votes = Counter((view.answer.primary or Primary(("", 0))).server for view in answering)
    (primary, agreeing), epoch = votes.most_common(1)[0], max(map(_epoch, answering))
    known = max(len(view.answer.servers) for view in answering) + 1
    quorum = max(view.quorum for view in answering)
    told = f"{agreeing} of {known} name {primary[0]}:{primary[1]}, epoch {epoch}"
    if len(votes) > 1:
        yield warning("sentinels", f"{told}; others name another primary: a failover is going on, or links are broken")
    elif silent:
        yield warning("sentinels", f"{told}; {silent}")
    else:
        yield passed("sentinels", told)
    majority = known // 2 + 1
    if agreeing < max(quorum, majority):
        yield bad(
            "quorum",
            f"{agreeing} Sentinels agree, a failover needs {max(quorum, majority)}: when the primary dies, lines stop",
        )
    elif known < ENOUGH_SENTINELS:
        yield warning(
            "quorum",
            f"of {known}: without one of them there is no failover; have {ENOUGH_SENTINELS} on different machines",
        )
    else:
        yield passed("quorum", f"{quorum} notice that the primary is down, {majority} elect the one that replaces it")
    best = max(answering, key=_epoch)
    if not best.usable:
        yield bad("replicas", f"{best.usable} of {best.replicas} are linked: when the primary dies, lines stop")
    elif best.usable < best.replicas:
        yield warning("replicas", f"{best.usable} of {best.replicas} are linked")
    else:
        yield passed("replicas", f"{best.usable} linked")


def _epoch(view: SentinelView) -> int:
    return view.answer.primary.epoch if view.answer.primary else 0


async def _view(servers: RedisServers, server: HostPort) -> SentinelView | str:
    """What the Sentinel at `server` says, or why it does not."""
    connection = connection_to(servers, server, sentinel=True)
    commands = [*sentinel_commands(servers.name), ("SENTINEL", "REPLICAS", servers.name)]
    try:
        async with asyncio.timeout(ASK_SECONDS):
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_packed_command(connection.pack_commands(commands))
            replies = [await connection.read_response(disconnect_on_error=False) for _ in commands]
    except TimeoutError:
        return f"no answer within {ASK_SECONDS:.0f} s"
    except (RedisError, OSError, UnicodeError) as error:
        return error_text(error)
    finally:
        await connection.disconnect(nowait=True)
    primary, replicas = _fields(replies[0]), list(map(_fields, replies[3]))
    return SentinelView(
        sentinel_answer(replies[:3]), int(primary["quorum"]), len(replicas), sum(map(_is_usable, replicas))
    )


def _is_usable(replica: dict[str, str]) -> bool:
    flags = replica["flags"].split(",")
    return replica.get("master-link-status") == "ok" and not any(each in flags for each in UNUSABLE)


def _fields(flat: Iterable[Any]) -> dict[str, str]:
    words = [each.decode(errors="replace") for each in flat]
    return dict(zip(words[::2], words[1::2], strict=False))
