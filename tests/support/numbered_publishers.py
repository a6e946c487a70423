"""
Publishers of numbered lines that write down what became of each, whatever happens to the servers.

    at_node(), by_sentinel(), by_cluster() --> NumberedPublisher.run() --> sent, for numbered_judge
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.exceptions import RedisClusterException, RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

from tests.support.cluster_servers import ClusterServers
from tests.support.numbered_judge import Number, Sent
from tests.support.sentinel_servers import NAME, SentinelServers
from tests.support.servers import PUBLISHER_PASSWORD, PUBLISHER_USER, RedisServer
from tests.support.settings import PATIENCE

# After this time a publisher gives a line up, and goes on with the next.
ANSWER_SECONDS = 0.5 * PATIENCE
PIPELINE = 100
# That no node covers a slot, or that none answers, is no RedisError.
FAILURES = (RedisError, RedisClusterException, OSError)
SAME_TEXT = "same text"


@dataclass(frozen=True)
class Way:
    """
    How a publisher reaches Redis. `connect` makes a client of redis-py.

    `counts` is true where the answer 0 means that nobody got the line. It does not in a cluster: there the answer has
    the receivers at that node only.
    """

    connect: Callable[[], "redis.Redis | redis.RedisCluster"]
    counts: bool


def at_node(server: RedisServer, counts: bool = True) -> Way:
    """Always at this server, whatever it is. `counts` must be false for a node of a cluster."""
    return Way(lambda: redis.Redis(host=server.host, port=server.port, **_options()), counts)


def by_sentinel(rig: SentinelServers) -> Way:
    """As redis-py's Sentinel client finds the primary, which asks a sentinel for each new connection."""

    def connect() -> redis.Redis:
        sentinel = Sentinel(rig.seeds, socket_timeout=ANSWER_SECONDS)  # type: ignore[no-untyped-call]  # redis-py's own
        primary: redis.Redis = sentinel.master_for(NAME, **_options())  # type: ignore[no-untyped-call]
        return primary

    return Way(connect, counts=True)


def by_cluster(rig: ClusterServers) -> Way:
    """As redis-py's cluster client does: at the owner of the slot of the channel's name."""

    def connect() -> redis.RedisCluster:
        seeds = [ClusterNode(each.host, each.port) for each in rig.nodes if each.runs]  # type: ignore[no-untyped-call]
        return redis.RedisCluster(startup_nodes=seeds, **_options())

    return Way(connect, counts=False)


def _options() -> dict[str, Any]:
    # A line that is sent again would be another line with the same number.
    again = Retry(NoBackoff(), 0)
    account = {"username": PUBLISHER_USER, "password": PUBLISHER_PASSWORD}
    return {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS, "retry": again, **account}


@dataclass
class NumberedPublisher:
    """
    Lines on `channels` in turn, each channel with its own numbers from 1 on. Three of ten have equal texts.

    `sent` has every line whose fate is known by now, in order; `errors` counts what went wrong, by type; `last` has the
    last number of each channel. `taken` counts the lines that were sent in the `taking_seconds` in which nothing went
    wrong.
    """

    name: str
    way: Way
    channels: Sequence[str]
    lines_per_second: int = 100
    sent: list[Sent] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    last: dict[str, int] = field(default_factory=dict)
    taken: int = 0
    taking_seconds: float = 0.0
    _turn: int = 0

    def run(self) -> None:
        """Publish at the rate until `stopped` is set. What could not be sent in time because of a fault is left out."""
        client = None
        count, began = 0, 0.0
        due_at = time.monotonic()
        while not self.stopped.wait(max(0.0, due_at - time.monotonic())):
            now = time.monotonic()
            if client:
                self.taken += count
                self.taking_seconds += now - began
            began = now
            count = min(PIPELINE, 1 + int((now - due_at) * self.lines_per_second))
            due_at = max(due_at + count / self.lines_per_second, now - 0.1)
            client = self._publish(client, count)
        if client:
            client.close()

    def publish_each(self) -> None:
        """One more line on each channel. Not while run() runs."""
        client = self._publish(None, len(self.channels))
        if client:
            client.close()

    def _publish(
        self, client: "redis.Redis | redis.RedisCluster | None", count: int
    ) -> "redis.Redis | redis.RedisCluster | None":
        """Publish `count` lines with `client`. Returns the client for the next ones, None after an error."""
        numbers = [self._next() for _ in range(count)]
        at = time.monotonic()
        answers: list[object]
        try:
            client = client or self.way.connect()
            answers = self._answers(client, numbers)
        except FAILURES as error:
            answers = [error] * count
        for number, answer in zip(numbers, answers, strict=True):
            if not isinstance(answer, int):
                name = type(answer).__name__
                self.errors[name] = self.errors.get(name, 0) + 1
            doubtful = not isinstance(answer, int) or (self.way.counts and answer == 0)
            self.sent.append(Sent(number, at, doubtful))
        if client and not all(isinstance(answer, int) for answer in answers):
            client.close()
            return None
        return client

    def _answers(self, client: "redis.Redis | redis.RedisCluster", numbers: Sequence[Number]) -> list[object]:
        if isinstance(client, redis.Redis):
            return self._pipelined(client, numbers)
        # Its own pipelines refuse PUBLISH. The lines of a channel stay in order: they go to the same node.
        by_node: dict[ClusterNode, list[Number]] = defaultdict(list)
        for number in numbers:
            by_node[client.get_node_from_key(number.channel)].append(number)  # type: ignore[no-untyped-call]
        answers: dict[Number, object] = {}
        for node, group in by_node.items():
            try:
                answered = self._pipelined(client.get_redis_connection(node), group)
            except FAILURES as error:
                answered = [error] * len(group)
            answers |= zip(group, answered, strict=True)
        return [answers[number] for number in numbers]

    def _pipelined(self, client: redis.Redis, numbers: Sequence[Number]) -> list[object]:
        pipeline = client.pipeline(transaction=False)
        for number in numbers:
            pipeline.publish(number.channel, self.line(number))
        return list(pipeline.execute(raise_on_error=False))

    def _next(self) -> Number:
        channel = self.channels[self._turn % len(self.channels)]
        self._turn += 1
        seq = self.last[channel] = self.last.get(channel, 0) + 1
        return Number(self.name, channel, seq)

    def line(self, number: Number) -> str:
        """The line with that number."""
        text = SAME_TEXT if number.seq % 10 < 3 else f"text {number.seq} of {self.name}"
        return json.dumps({"text": text, "publisher": self.name, "seq": number.seq})


@contextmanager
def numbered_publishers(*publishers: NumberedPublisher) -> Iterator[None]:
    """Run all of `publishers` for the duration of the block. What they did not expect is raised at its end."""
    with ThreadPoolExecutor(len(publishers)) as pool:
        running = [pool.submit(each.run) for each in publishers]
        try:
            yield
        finally:
            for each in publishers:
                each.stopped.set()
            for one in running:
                one.result()


def reached_share(publishers: Sequence[NumberedPublisher]) -> float:
    """The share of their rate that `publishers` have reached, all together, in the time in which nothing went wrong."""
    rates = [each.taken / each.taking_seconds for each in publishers if each.taking_seconds]
    return sum(rates) / sum(each.lines_per_second for each in publishers if each.taking_seconds)


def all_sent(publishers: Sequence[NumberedPublisher]) -> list[Sent]:
    """What all of `publishers` have sent."""
    return [sent for each in publishers for sent in each.sent]
