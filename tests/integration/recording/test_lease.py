"""
The script of the lease compared with a model of its rules, over random histories on a real Redis.

    processes start, lose sessions, backfill, die; the watermark moves --> Lease.stand() --> what the rules allow
"""

import random
from dataclasses import dataclass
from typing import Any

import pytest
import redis
import redis.asyncio

from sse_hub.broker.keys import LogKeys, Partition
from sse_hub.history.lease import TAP_MS, Lease, LeaseState, Role
from tests.support.servers import RedisServer
from tests.support.settings import at_scale

STEPS = 60
CHANCES = {"stand": 50, "cut": 8, "fill": 8, "begin": 12, "mend": 8, "record": 15, "die": 4, "lose": 2, "evict": 6}
KEYS = LogKeys.of(Partition(), ("*",))


def lease_of(client: redis.Redis) -> str:
    words: Any = client.get(KEYS.lease) or b""
    return str(words.decode())


@dataclass
class Process:
    """
    A process that competes for the lease, the reach of its rings, and the fence before which they evicted lines.

    While it fills them, it knows only since when it will have all.
    """

    lease: Lease
    start: int | None
    reach: int | None
    evicted: int = 0
    filling: int | None = None

    @property
    def held(self) -> int | None:
        since = self.filling if self.start is None else self.start
        return None if since is None else max(since, self.evicted)

    @property
    def covers(self) -> int:
        return self.held if self.held is not None else 1 << 60


class Rules:
    """What the script must return, derived from the state of Redis just before."""

    def __init__(self, client: redis.Redis, process: Process) -> None:
        self.process = process
        seconds, micros = client.time()
        now = seconds * 1000 + micros // 1000
        self.watermark = int(client.get(KEYS.watermark) or -1)
        self.holder, _, self.claimed = lease_of(client).partition(" ")
        known: Any = client.hgetall(KEYS.taps)
        taps = {token.decode(): words.decode().split() for token, words in known.items()}
        self.others = [
            (int(held), int(reach))
            for token, (held, reach, seen_at) in taps.items()
            if token != process.lease.token and held != "-" and now - int(seen_at) <= TAP_MS
        ]

    def lacking(self, held: int, reach: int) -> tuple[int, int]:
        """How much the log would lack if a process recorded that has all since `held`, and some lines since `reach`."""
        if reach > self.watermark:
            return 2, reach
        return (1, held) if held > self.watermark else (0, 0)

    def better(self) -> int:
        """The number of other processes that have every line since the watermark, or lack less than this one."""
        me = self.process
        mine = None if me.held is None or me.reach is None else self.lacking(me.held, me.reach)
        theirs = [self.lacking(*each) for each in self.others]
        return sum(its[0] == 0 or (mine is not None and its < mine) for its in theirs)

    def role(self, why_new: str) -> Role:
        me = self.process
        mine = me.lease.token == self.holder
        if mine and self.watermark >= 0 and self.claimed == ("" if me.start is None else str(me.start)):
            return Role.RECORDER
        if me.start is None or me.reach is None or (self.holder and not mine):
            return Role.TAP
        if self.watermark >= 0 and me.covers <= self.watermark:
            return Role.TOOK_OVER
        if self.better() or (self.watermark < 0 and not why_new):
            return Role.TAP
        return Role.TOOK_OVER if self.watermark >= 0 else Role.BEGAN_LOG


class History:
    """Drives several processes at random."""

    def __init__(self, seed: int, client: redis.Redis, commands: redis.asyncio.Redis) -> None:
        self.random = random.Random(seed)
        self.client = client
        self.commands = commands
        self.fence = 1_000
        self.processes = [self.newcomer() for _ in range(3)]

    def newcomer(self) -> Process:
        return Process(Lease(self.commands, KEYS), None, None)

    async def step(self) -> None:
        process = self.random.choice(self.processes)
        match self.random.choices(list(CHANCES), list(CHANCES.values()))[0]:
            case "stand":
                await self.stand(process)
            case "cut":
                process.start = process.filling = None
            case "fill" if process.start is None and process.reach is not None:
                self.fence += self.random.randint(1, 20)
                process.filling = self.fence
            case "begin":
                self.fence += self.random.randint(1, 20)
                process.start, process.filling = process.filling or self.fence, None
                process.reach = process.start if process.reach is None else process.reach
            case "mend" if process.start is None and process.reach is not None:
                process.start, process.filling = process.reach, None
            case "record" if self.client.get(KEYS.lease):
                self.fence += self.random.randint(1, 20)
                self.client.set(KEYS.watermark, self.fence)
            case "evict":
                process.evicted = self.fence + 1
            case "die":
                self.die(process)
            case "lose":
                self.client.delete(*self.random.sample([KEYS.watermark, KEYS.lease, KEYS.taps, KEYS.gaps], 2))

    def die(self, process: Process) -> None:
        """The process dies. Its lease has expired or is valid for some more time."""
        self.processes.remove(process)
        self.processes.append(self.newcomer())
        if self.client.hexists(KEYS.taps, process.lease.token):
            self.client.hset(KEYS.taps, process.lease.token, "1 1 1")
        if self.random.random() < 0.7 and lease_of(self.client).startswith(process.lease.token):
            self.client.delete(KEYS.lease)

    async def stand(self, process: Process) -> None:
        why_new = self.random.choice(["", "log-lost"])
        rules = Rules(self.client, process)
        standing = await process.lease.acquire_or_renew(process.start, process.reach, why_new, process.held)
        self.check(rules, standing, why_new)

    def check(self, rules: Rules, standing: LeaseState, why_new: str) -> None:
        process = rules.process
        assert standing.role is rules.role(why_new)
        assert standing.others == rules.better()
        holder = lease_of(self.client)
        if standing.role is Role.TAP:
            assert not holder.startswith(process.lease.token)
            return
        # Nobody else holds it, and it expires.
        assert holder == f"{process.lease.token} {process.start}"
        assert 0 < self.client.pttl(KEYS.lease) <= 1_000
        if standing.role is Role.TOOK_OVER and process.covers > rules.watermark:
            assert not rules.better()
        if standing.role is Role.BEGAN_LOG:
            assert int(self.client.get(KEYS.watermark) or 0) == standing.watermark == process.reach
            breaks: Any = self.client.xrange(KEYS.gaps)
            assert [id for id, _ in breaks] == [f"{process.reach}-0".encode()]


@pytest.mark.parametrize("seed", range(at_scale(20, 500)))
async def test_over_random_histories_no_lease_is_granted_against_the_rules(
    module_server: RedisServer, seed: int
) -> None:
    commands = redis.asyncio.Redis.from_url(module_server.url, protocol=2)
    with module_server.client() as client:
        client.flushall()
        history = History(seed, client, commands)
        for _ in range(STEPS):
            await history.step()
    await commands.aclose()


async def test_a_lease_prolonged_by_a_clock_set_back_is_shortened(module_server: RedisServer) -> None:
    commands = redis.asyncio.Redis.from_url(module_server.url, protocol=2)
    with module_server.client() as client:
        client.flushall()
        client.set(KEYS.watermark, 10)
        client.set(KEYS.lease, "dead 1", px=3_600_000)
        standing = await Lease(commands, KEYS).acquire_or_renew(5, 5)

        assert standing.role is Role.TAP
        assert 0 < client.pttl(KEYS.lease) <= 1_000
    await commands.aclose()
