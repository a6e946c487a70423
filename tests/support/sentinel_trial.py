"""
Hubs, publishers and clients on a Sentinel set-up while its servers fail, and all that must hold whatever comes.

    trial(rig, hubs) --> Trial: faults, each timed by measured() --> the end of the block: judge, log, replays, posts
"""

import asyncio
import json
import logging
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import redis

from tests.support.http_client import post
from tests.support.load import Id
from tests.support.numbered_judge import Gap, History, Sent, Verdict, judge
from tests.support.numbered_publishers import (
    NumberedPublisher,
    Way,
    all_sent,
    by_sentinel,
    numbered_publishers,
    reached_share,
)
from tests.support.oracle import Shape
from tests.support.redis_nodes import Node
from tests.support.roaming_clients import Readiness, RoamingClient, exported, finish, paged, replayed, roaming, watched
from tests.support.sentinel_servers import SentinelServers
from tests.support.servers import HubProcess
from tests.support.settings import DEADLINE_SECONDS, PATIENCE
from tests.support.trial_load import CHANNELS, LINES_PER_SECOND, Outage, quiet_publisher, shapes
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

POSTED = "posted"
DOWN_AFTER_MS = 1_000
# No session may be at the wrong server for longer, once most sentinels know the right one.
ASTRAY_SECONDS = 1.0 * PATIENCE
LOOK_SECONDS = 0.1
SESSION = "name=sse-hub:session"


@dataclass
class Post:
    """A `POST /publish` of one line: all answers until it was recorded, or the one answer that was waited for."""

    key: str
    statuses: list[int] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    denied: bool = False


class Poster:
    """Publishes a line at one hub after another, every other one with an Idempotency-Key until it is recorded."""

    def __init__(self, hubs: Sequence[HubProcess]) -> None:
        self.posts: list[Post] = []
        self.stopped = threading.Event()
        # The hubs may have served another trial before.
        self._trial = secrets.token_hex(4)
        self._hubs = hubs

    def run(self) -> None:
        """Publish until `stopped` is set."""
        number = 0
        while not self.stopped.wait(0.05):
            number += 1
            one = Post(f"{self._trial}-{number}")
            self.posts.append(one)
            again = number % 2 == 0
            while not one.ids and not self.stopped.is_set():
                number_of_hub = (number + len(one.statuses)) % len(self._hubs)
                self._post(self._hubs[number_of_hub], one, {"Idempotency_Key": one.key} if again else {})
                if not again:
                    break

    def _post(self, hub: HubProcess, one: Post, headers: dict[str, str]) -> None:
        try:
            answer = post(hub, POSTED, json.dumps({"n": one.key}).encode(), **headers)
        except OSError:
            one.statuses.append(0)
            return
        one.statuses.append(answer.status)
        if answer.status == 200:
            one.ids.add(answer.json["last_id"])
        elif answer.status == 503:
            one.denied = answer.json.get("published") == 0 or answer.json.get("recorded") is False

    def check(self, log: History, gaps: Sequence[Gap], keys_lost: bool = False) -> None:
        """
        AssertionError unless `log` has what was answered with 200, once, and nothing that was denied.

        Without min-replicas, that may have been on a dead branch, as `gaps` tell. With `keys_lost`, a server that has
        taken over may not know of lines posted before, which hubs record again.
        """
        forked = [gap for gap in gaps if gap.reason == "forked"]
        found: dict[str, list[str]] = defaultdict(list)
        for line in log.lines:
            found[json.loads(line.text)["n"]].append(str(line.id))
        for one in self.posts:
            assert set(one.statuses) <= {0, 200, 503}, one
            repeated = keys_lost and len(one.statuses) > 1
            if any(gap.after < Id.parse(id) < gap.before for id in one.ids for gap in forked):
                continue
            if one.ids:
                assert one.ids <= set(found[one.key]), (one, found[one.key])
                assert len(found[one.key]) == 1 or repeated, (one, found[one.key])
            elif one.denied and len(one.statuses) == 1:
                assert not found[one.key], (one, found[one.key])
        assert any(one.ids for one in self.posts), "no line was recorded"


class Strays:
    """For how long there were sessions at other servers than the one that most sentinels name: `longest_seconds`."""

    def __init__(self, rig: SentinelServers) -> None:
        self.longest_seconds = 0.0
        self.looks = 0
        self._rig = rig
        self._since: dict[Node, float] = {}

    def look(self) -> None:
        """Look at all servers once."""
        primary = self._rig.primary()
        self.looks += 1
        for each in self._rig.servers:
            if primary is None or each == primary or not each.runs or each.frozen or not _has_session(each):
                self._since.pop(each, None)
            else:
                now = time.monotonic()
                self.longest_seconds = max(self.longest_seconds, now - self._since.setdefault(each, now))


def _has_session(server: Node) -> bool:
    try:
        return SESSION in str(server.ask("CLIENT", "LIST", "TYPE", "pubsub"))
    except redis.RedisError:
        return False


@contextmanager
def strays(rig: SentinelServers) -> Iterator[Strays]:
    """Look for the duration of the block."""
    found, stopped = Strays(rig), threading.Event()

    def watch() -> None:
        while not stopped.wait(LOOK_SECONDS):
            found.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        stopped.set()
        thread.join()


@dataclass
class Trial:
    """What runs: `clients` that resume on any of `hubs`, and publishers that find the primary by its sentinels."""

    rig: SentinelServers
    hubs: Sequence[HubProcess]
    publishers: list[NumberedPublisher]
    clients: list[RoamingClient]
    poster: Poster
    readiness: Readiness
    strays: Strays
    dead: list[tuple[str, float, float]] = field(default_factory=list)
    """Which publishers wrote to a dead branch, from when to when (monotonic): nobody owes these lines to anybody."""
    may_stray: bool = False
    """True if hubs were cut off from the sentinels that know the primary."""
    verdict: Verdict = field(default_factory=Verdict)
    log: History = field(default_factory=lambda: History("log", []))

    async def sent(self, seconds: float) -> None:
        """Return when as many lines more have been sent as the publishers are to send in `seconds`."""
        count = sum(each.lines_per_second for each in self.publishers) * seconds
        start = self._sent()
        await asyncio.to_thread(
            wait_until,
            lambda: self._sent() >= start + count,
            f"{count:.0f} lines more are published",
            2 * seconds + DEADLINE_SECONDS,
        )

    async def wait_served(self) -> None:
        """Return when all hubs are ready and record, and all servers that run follow the primary."""

        def served() -> bool:
            return all(hub.ready() and hub.state()["recording"] for hub in self.hubs)

        await asyncio.to_thread(self.rig.wait_replicas)
        await asyncio.to_thread(wait_until, served, "the hubs are ready and record", every_seconds=0.05)

    async def measured(self, what: str, fault: Callable[[], object]) -> Outage:
        """What came of `fault`, a call that returns when most sentinels name another primary."""
        before, started = len(self.readiness.away), time.monotonic()
        await asyncio.to_thread(fault)
        took = time.monotonic() - started
        await self.wait_served()
        # The watch notes a time away when it is over.
        looks = self.readiness.looks
        await asyncio.to_thread(wait_until, lambda: self.readiness.looks > looks + 1, "the watch has looked")
        spans = [(since - started, seconds) for since, seconds in self.readiness.away[before:]]
        outage = Outage(
            took, max((since + seconds for since, seconds in spans), default=0.0), sum(seconds for _, seconds in spans)
        )
        logger.info("%s: %s", what, outage)
        return outage

    def gaps(self, client: int = 0) -> list[Gap]:
        """The gaps of one of the clients in the first channel."""
        return [gap for gap in self.clients[client].history.gaps if gap.covers(CHANNELS[0])]

    def is_dead(self, line: Sent) -> bool:
        """True for a line that was published on a dead branch."""
        return any(line.number.publisher == name and since <= line.at <= until for name, since, until in self.dead)

    def _sent(self) -> int:
        return sum(len(each.sent) for each in self.publishers)


@contextmanager
def explained(rig: SentinelServers, hubs: Sequence[HubProcess]) -> Iterator[None]:
    """If the block fails, log what the hubs and sentinels have said in it."""
    before = [len(hub.output) for hub in hubs], [len(each.log) for each in rig.sentinels]
    try:
        yield
    except BaseException:
        said = [hub.output[start:] for hub, start in zip(hubs, before[0], strict=True)]
        said += [each.log[start:] for each, start in zip(rig.sentinels, before[1], strict=True)]
        logger.error("the hubs and sentinels said:\n%s", "\n".join(said))
        raise


def _publishers(ways: Sequence[Way], kind: type[NumberedPublisher]) -> list[NumberedPublisher]:
    rate = LINES_PER_SECOND // len(ways)
    return [kind(f"publisher-{number}", way, CHANNELS, rate) for number, way in enumerate(ways)]


@asynccontextmanager
async def trial(
    rig: SentinelServers,
    hubs: Sequence[HubProcess],
    ways: Sequence[Way] = (),
    clients: Sequence[RoamingClient] = (),
    log_at: HubProcess | None = None,
    post_to: Sequence[HubProcess] | None = None,
    kind: type[NumberedPublisher] = NumberedPublisher,
    keys_lost: bool = False,
) -> AsyncIterator[Trial]:
    """
    Publish LINES_PER_SECOND during the block. At its end, AssertionError unless the promise holds.

    That is: what was received and what gaps tell of are all that was published, nothing came twice, all ids are the
    same, in streams, `/history` and `/export` of `log_at` (the last of `hubs`) and a replay; no session strayed; and
    what POST said is true of the log. Lines are posted to `post_to`, by default all `hubs`; there may be none.
    `keys_lost` is for replicas that lag, see Poster.check().
    """
    publishers = _publishers(ways or [by_sentinel(rig)] * 3, kind)
    if not ways:
        publishers.append(quiet_publisher(by_sentinel(rig)))
    clients = list(clients) or [RoamingClient(f"client-{at}", hubs, shape) for at, shape in enumerate(shapes())]
    poster = Poster(hubs if post_to is None else post_to)
    posts = post_to is None or bool(post_to)
    posting = threading.Thread(target=poster.run)
    log_at = log_at or hubs[-1]
    async with roaming(*clients):
        with strays(rig) as found, watched(hubs) as readiness, numbered_publishers(*publishers):
            running = Trial(rig, hubs, publishers, list(clients), poster, readiness, found)
            if posts:
                posting.start()
            try:
                yield running
            finally:
                poster.stopped.set()
                if posts:
                    await asyncio.to_thread(posting.join)
        cut_off = {name for name, _, _ in running.dead}
        await finish([each for each in publishers if each.name not in cut_off], clients)
    begin = str(clients[0].history.begin)
    running.log = paged(log_at, CHANNELS, begin)
    export = exported(log_at, CHANNELS)
    # Its rows of gaps have no ids.
    export.items = [*running.log.gaps, *(line for line in export.lines if line.id > clients[0].history.begin)]
    recorded = [running.log, export]
    recorded.append(await replayed(hubs[0], Shape(CHANNELS, batch=True), begin, clients[0].history.last_ids()))
    for each in recorded:
        # What was recorded of it, whatever was sent before.
        each.since = float("inf")
    sent = [each._replace(doubtful=each.doubtful or running.is_dead(each)) for each in all_sent(publishers)]
    running.verdict = judge(sent, [client.history for client in clients])
    logger.info(
        "%s; %.0f %% of the rate; astray for %.2f s",
        running.verdict,
        100 * reached_share(publishers),
        found.longest_seconds,
    )
    together = judge(sent, [*(client.history for client in clients), *recorded])
    assert together.holds, str(together)
    assert running.verdict.delivered > 0
    assert running.may_stray or found.longest_seconds <= ASTRAY_SECONDS
    if posts:
        poster.check(paged(log_at, [POSTED], "0-0"), [gap for each in clients for gap in each.history.gaps], keys_lost)


def lacking(trial: Trial, last: Id) -> list[Id]:
    """The ids of lines of the first channel, up to `last`, that some client got and the log does not have."""
    has = {line.id for line in trial.log.lines if line.channel == CHANNELS[0]}
    got = {
        line.id
        for client in trial.clients
        for line in client.history.lines
        if line.channel == CHANNELS[0] and not client.history.dead(line)
    }
    return sorted(id for id in got - has if id <= last)
