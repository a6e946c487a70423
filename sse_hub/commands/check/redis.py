"""
Checks whether a hub can work with a Redis, by doing what a hub does, with the hub's own account.

    URL, ingest patterns --> check_redis() --> results: reachable, version, rights, memory, buffers, long lines, clock,
                                                        order
"""

import secrets
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis.exceptions import NoPermissionError, RedisError, ResponseError

from sse_hub.broker.connect import publisher_client
from sse_hub.broker.keys import PROBE_PATTERN, Partition
from sse_hub.broker.limits import (
    MAX_MEMORY,
    MAX_VALUE_BYTES,
    MEGABYTE,
    MEMORY_POLICY,
    MIN_BUFFER_BYTES,
    OUTPUT_BUFFERS,
)
from sse_hub.broker.order_probe import Connect, measure_order
from sse_hub.broker.scripts import script
from sse_hub.commands.check.result import CheckResult, bad, passed, unknown, warning
from sse_hub.commands.check.server_version import judge_version
from sse_hub.errors import error_text

ANSWER_SECONDS = 5
# Enough to find a server that mixes up lines only at times, in a tenth of a second.
PROBED_LINES = 2_000
LINES_IN_BUFFER = MIN_BUFFER_BYTES // MAX_VALUE_BYTES
# Above the first, times of lines look wrong; above the second, no fence is accepted.
CLOCK_WARNING_SECONDS = 2.0
CLOCK_LIMIT_SECONDS = 86_400.0


async def check_redis(url: str, ingest: Sequence[str]) -> AsyncIterator[CheckResult]:
    """The results for the server at `url`, for a hub that follows `ingest`."""
    partition = Partition()
    client: Any = publisher_client(url, partition)
    async with client:
        try:
            # Now it is connected, and has found the primary.
            await client.ping()
            started = time.perf_counter()
            await client.ping()
        except (RedisError, OSError) as error:
            yield bad("redis", f"unreachable: {error_text(error)}")
            return
        yield passed("redis", f"replies in {1000 * (time.perf_counter() - started):.1f} ms")
        for each in (
            _check_version(client),
            _check_clock(client),
            _check_memory(client),
            _check_output_buffer(client),
            _check_long_lines(client),
            _check_fences(client, partition),
        ):
            yield await _run_check(each)
        yield await _run_check(_check_subscriptions(client, partition, ingest))
        yield await _run_check(_check_recording(client, partition))
        yield await _check_order(client.connection_pool.make_connection, partition)


async def _run_check(check: Any) -> CheckResult:
    try:
        found: CheckResult = await check
    except (RedisError, OSError) as error:
        return bad("redis", f"refused: {error_text(error)}")
    return found


async def _check_version(client: Any) -> CheckResult:
    try:
        info = await client.info("server")
    except NoPermissionError:
        return unknown("redis version", "INFO is not permitted; Redis must be 6.2 or newer, or Valkey")
    name = "Valkey" if "valkey_version" in info else "Redis"
    return judge_version(name, str(info[f"{name.lower()}_version"]))


async def _check_clock(client: Any) -> CheckResult:
    before = time.time()
    seconds, microseconds = await client.time()
    off = seconds + microseconds / 1e6 - (before + time.time()) / 2
    if abs(off) > CLOCK_LIMIT_SECONDS:
        return bad("clock", f"Redis is {off:+.0f} s off this machine's clock: no fence is accepted; set the clocks")
    if abs(off) > CLOCK_WARNING_SECONDS:
        return warning("clock", f"Redis is {off:+.1f} s off this machine's clock: so are the times of lines")
    return passed("clock", f"{off:+.3f} s off this machine's clock")


async def _check_memory(client: Any) -> CheckResult:
    try:
        info = await client.info("memory")
    except NoPermissionError:
        return unknown(
            "redis memory", f"INFO is not permitted; there should be a maxmemory, and maxmemory-policy {MEMORY_POLICY}"
        )
    policy, limit, used = str(info["maxmemory_policy"]), int(info["maxmemory"]), int(info["used_memory"])
    if not limit:
        return warning(
            "redis memory",
            f"{used / 1e6:.0f} MB used, without a limit: whoever may publish can fill the memory of its machine; "
            f"set maxmemory, such as {MAX_MEMORY}, and maxmemory-policy {MEMORY_POLICY}",
        )
    if policy != MEMORY_POLICY:
        return warning("redis memory", f"maxmemory-policy {policy} may evict the log; set it to {MEMORY_POLICY}")
    if used > 0.9 * limit:
        return warning(
            "redis memory", f"{used / 1e6:.0f} of {limit / 1e6:.0f} MB used: when it is full, nothing is recorded"
        )
    return passed("redis memory", f"{used / 1e6:.0f} MB used, limit {limit / 1e6:.0f} MB")


async def _check_output_buffer(client: Any) -> CheckResult:
    name = "client-output-buffer-limit"
    wanted = f"set {name} to pubsub {OUTPUT_BUFFERS['pubsub']}"
    try:
        hard, soft = _pubsub_limits(await _setting(client, name))
    except RedisError:
        return unknown("output buffer", f"CONFIG GET is not permitted; {wanted}")
    if not hard:
        return warning("output buffer", f"a hub that stands still may fill the memory of Redis: {wanted}")
    if hard < MIN_BUFFER_BYTES:
        return warning("output buffer", f"Redis cuts off a hub that is {hard} bytes behind: {wanted}")
    return passed("output buffer", f"pubsub {hard} {soft}")


async def _check_long_lines(client: Any) -> CheckResult:
    name = "proto-max-bulk-len"
    wanted = f"set {name} to {MAX_VALUE_BYTES // MEGABYTE}mb"
    try:
        longest = int(await _setting(client, name))
        hard, _ = _pubsub_limits(await _setting(client, "client-output-buffer-limit"))
    except RedisError:
        return unknown("long lines", f"CONFIG GET is not permitted; {wanted}")
    # Several come while a hub takes one.
    if hard and longest > hard // LINES_IN_BUFFER:
        return warning(
            "long lines", f"a publisher on any one channel can cut off all hubs by lines of {hard} bytes: {wanted}"
        )
    return passed("long lines", f"up to {longest} bytes")


async def _setting(client: Any, name: str) -> str:
    return str((await client.config_get(name))[name])


def _pubsub_limits(setting: str) -> tuple[int, int]:
    """The hard and the soft limit of subscribers, in bytes; 0 is none."""
    words = setting.split()
    first = words.index("pubsub") + 1
    return int(words[first]), int(words[first + 1])


async def _check_fences(client: Any, partition: Partition) -> CheckResult:
    try:
        fence = client.register_script(script("clock", "fence"))
        await fence(keys=[partition.clock, partition.fences], args=[0, partition.fence_channel])
    except NoPermissionError as error:
        return bad("rights: fences", f"{error}; see sse-hub redis-acl for the rights needed")
    return passed("rights: fences", "the hub can issue fences")


async def _check_subscriptions(client: Any, partition: Partition, ingest: Sequence[str]) -> CheckResult:
    async with client.pubsub() as pubsub:
        try:
            await pubsub.psubscribe(*ingest)
            await pubsub.subscribe(partition.fence_channel)
            for _ in (*ingest, partition.fence_channel):
                await pubsub.get_message(timeout=ANSWER_SECONDS)
        except NoPermissionError as error:
            return bad("rights: channels", f"{' '.join(ingest)} can't be subscribed to: {error}")
    return passed("rights: channels", f"{' '.join(ingest)} can be subscribed to")


async def _check_recording(client: Any, partition: Partition) -> CheckResult:
    stream, table, ranking = (partition.check(secrets.token_hex(8)) for _ in "abc")
    refused = []
    commands: tuple[tuple[str | int, ...], ...] = (
        ("XADD", stream, "1-1", "l", "x"), ("PEXPIRE", stream, 10_000), ("PTTL", stream), ("XLEN", stream),
        ("MEMORY", "USAGE", stream),
        ("XRANGE", stream, "-", "+"), ("XREVRANGE", stream, "+", "-"), ("XINFO", "STREAM", stream),
        ("XTRIM", stream, "MAXLEN", 10), ("XDEL", stream, "1-1"), ("EXISTS", stream), ("HSET", table, "a", "b"),
        ("PEXPIRE", table, 10_000), ("HGET", table, "a"), ("HGETALL", table), ("HMGET", table, "a"),
        ("HEXISTS", table, "a"), ("HSCAN", table, 0), ("HDEL", table, "a"), ("ZADD", ranking, 1, "a"),
        ("PEXPIRE", ranking, 10_000), ("ZRANGEBYSCORE", ranking, 0, 1), ("ZCARD", ranking), ("ZREM", ranking, "a"),
        ("DEL", stream, table, ranking),
    )  # fmt: skip
    for command in commands:
        try:
            await client.execute_command(*command)
        except NoPermissionError:
            refused.append(str(command[0]))
        except ResponseError:
            # It fails because an earlier command was refused.
            if not refused:
                raise
    if refused:
        return bad("rights: log", f"the hub can't record lines without {', '.join(dict.fromkeys(refused))}")
    return passed("rights: log", "the hub can record lines")


async def _check_order(connect: Connect, partition: Partition) -> CheckResult:
    try:
        measured = await measure_order(connect, partition, PROBED_LINES)
    except NoPermissionError:
        return unknown("order", f"can't be measured without the right to {PROBE_PATTERN}; see sse-hub redis-acl")
    except (RedisError, OSError) as error:
        return unknown("order", f"can't be measured now: {error_text(error)}")
    if not measured.kept:
        return bad("order", measured.fault)
    return passed("order", f"{measured.lines} lines got the same ids in two sessions")
