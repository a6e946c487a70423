"""
Is this a Redis that a hub can work with? Everything is tried by doing it, as the hub's own account.

    URL, ingest patterns --> check_redis() --> findings: reachable, version, rights, buffers, memory, clock
"""

import secrets
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from sse_hub.broker import keys
from sse_hub.broker.scripts import script
from sse_hub.commands.check.finding import Finding, bad, good, odd, unseen

OLDEST_VERSION = (6, 2)
ANSWER_SECONDS = 5
BUFFER_BYTES = 32 * 1024 * 1024
# Beyond the first, times of lines look wrong; beyond the second no fence is believed.
CLOCK_SECONDS = 2.0
CLOCK_LIMIT_SECONDS = 86_400.0


async def check_redis(url: str, ingest: Sequence[str]) -> AsyncIterator[Finding]:
    """What there is to say of the server at `url`, for a hub that follows `ingest`."""
    client: Any = redis.asyncio.Redis.from_url(
        url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS, retry=Retry(NoBackoff(), 0)
    )
    async with client:
        begun = time.perf_counter()
        try:
            await client.ping()
        except (RedisError, OSError) as error:
            yield bad("redis", f"can't be reached: {error or type(error).__name__}")
            return
        yield good("redis", f"answers in {1000 * (time.perf_counter() - begun):.1f} ms")
        for each in (_version(client), _clock(client), _memory(client), _buffers(client), _fence(client)):
            yield await _tried(each)
        yield await _tried(_subscriptions(client, ingest))
        yield await _tried(_recording(client))


async def _tried(finding: Any) -> Finding:
    try:
        found: Finding = await finding
    except (RedisError, OSError) as error:
        return bad("redis", f"refuses: {error or type(error).__name__}")
    return found


async def _version(client: Any) -> Finding:
    try:
        info = await client.info("server")
    except NoPermissionError:
        return unseen("redis version", "INFO is not allowed; it must be Redis 6.2 or newer, or Valkey")
    version = str(info.get("valkey_version") or info["redis_version"])
    if tuple(int(part) for part in str(info["redis_version"]).split(".")[:2]) < OLDEST_VERSION:
        return bad("redis version", f"{version} is too old: 6.2 or newer is needed")
    return good("redis version", version)


async def _clock(client: Any) -> Finding:
    before = time.time()
    seconds, microseconds = await client.time()
    off = seconds + microseconds / 1e6 - (before + time.time()) / 2
    if abs(off) > CLOCK_LIMIT_SECONDS:
        return bad("clock", f"that of Redis is {off:+.0f} s from this machine's: no fence is believed; set them")
    if abs(off) > CLOCK_SECONDS:
        return odd("clock", f"that of Redis is {off:+.1f} s from this machine's: times of lines are off as much")
    return good("clock", f"{off:+.3f} s from this machine's")


async def _memory(client: Any) -> Finding:
    try:
        info = await client.info("memory")
    except NoPermissionError:
        return unseen("redis memory", "INFO is not allowed; maxmemory-policy should be noeviction")
    policy, limit, used = str(info["maxmemory_policy"]), int(info["maxmemory"]), int(info["used_memory"])
    if limit and policy != "noeviction":
        return odd("redis memory", f"maxmemory-policy {policy} may evict the log; noeviction makes full memory show")
    if limit and used > 0.9 * limit:
        return odd("redis memory", f"{used / 1e6:.0f} of {limit / 1e6:.0f} MB used: soon nothing more is recorded")
    return good(
        "redis memory", f"{used / 1e6:.0f} MB used, " + (f"limit {limit / 1e6:.0f} MB" if limit else "no limit")
    )


async def _buffers(client: Any) -> Finding:
    name = "client-output-buffer-limit"
    try:
        limits = str((await client.config_get(name)).get(name, ""))
    except RedisError:
        return unseen("output buffer", f"CONFIG GET is not allowed; {name} pubsub should be 32mb 8mb 60 or more")
    words = limits.split()
    hard, soft = (int(words[words.index("pubsub") + at]) for at in (1, 2))
    if hard and hard < BUFFER_BYTES:
        return odd(
            "output buffer", f"a session is cut at {hard} bytes: set {name} pubsub to 33554432 8388608 60 or more"
        )
    return good("output buffer", f"pubsub {hard} {soft}" if hard else "pubsub without limit")


async def _fence(client: Any) -> Finding:
    try:
        await client.register_script(script("clock", "fence"))(keys=[keys.CLOCK], args=[0, keys.FENCE_CHANNEL])
    except NoPermissionError as error:
        return bad("rights: fences", f"{error}; sse-hub redis-acl tells what is needed")
    return good("rights: fences", "can be issued")


async def _subscriptions(client: Any, ingest: Sequence[str]) -> Finding:
    async with client.pubsub() as pubsub:
        try:
            await pubsub.psubscribe(*ingest)
            await pubsub.subscribe(keys.FENCE_CHANNEL)
            for _ in (*ingest, keys.FENCE_CHANNEL):
                await pubsub.get_message(timeout=ANSWER_SECONDS)
        except NoPermissionError as error:
            return bad("rights: channels", f"{' '.join(ingest)} can't be followed: {error}")
    return good("rights: channels", f"{' '.join(ingest)} can be followed")


async def _recording(client: Any) -> Finding:
    stream, table = (f"{keys.PREFIX}check:{secrets.token_hex(8)}" for _ in "ab")
    refused = []
    commands: tuple[tuple[str | int, ...], ...] = (
        ("XADD", stream, "1-1", "l", "x"), ("PEXPIRE", stream, 10_000), ("PTTL", stream), ("XLEN", stream),
        ("XRANGE", stream, "-", "+"), ("XREVRANGE", stream, "+", "-"), ("XINFO", "STREAM", stream),
        ("XTRIM", stream, "MAXLEN", 10), ("XDEL", stream, "1-1"), ("EXISTS", stream), ("HSET", table, "a", "b"),
        ("PEXPIRE", table, 10_000), ("HGET", table, "a"), ("HGETALL", table), ("HDEL", table, "a"),
        ("DEL", stream, table),
    )  # fmt: skip
    for command in commands:
        try:
            await client.execute_command(*command)
        except NoPermissionError:
            refused.append(str(command[0]))
        except ResponseError:
            # It lacks what the one that was refused would have made.
            if not refused:
                raise
    if refused:
        return bad("rights: log", f"nothing is recorded without {', '.join(dict.fromkeys(refused))}")
    return good("rights: log", "lines can be recorded")
