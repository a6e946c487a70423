"""
Publishers of numbered lines, the order in which Redis ran them, and the verdict on what a client received.

    publishing() --> Redis --> hub --> client --> Verdict      redis_order() --> the ids that the lines must have
"""

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import redis
from redis.client import Monitor

from tests.support.servers import RedisServer
from tests.support.settings import DEADLINE_SECONDS
from tests.support.sse_client import Event
from tests.support.waiting import wait_until


class Id(NamedTuple):
    """`F-n` as numbers, so that ids compare."""

    fence: int
    n: int

    def __str__(self) -> str:
        return f"{self.fence}-{self.n}"

    @classmethod
    def parse(cls, text: str) -> "Id":
        fence, n = text.split("-")
        return cls(int(fence), int(n))


def publish(server: RedisServer, channel: str, *lines: str | bytes) -> None:
    """PUBLISH `lines` one by one."""
    with server.client() as client:
        for line in lines:
            client.publish(channel, line)


class Publisher:
    """
    Numbered lines `{"publisher": …, "seq": n}` from 1 on, at a rate, on some channels in turn.

    `begun` is the last number that may have reached Redis; later ones are not sent yet. `sent_at` has the monotonic
    time just before each line was sent.
    """

    def __init__(
        self, server: RedisServer, channels: Sequence[str], lines_per_second: int, name: str, text: str
    ) -> None:
        self.begun = 0
        self.sent_at: dict[int, float] = {}
        self.stopped = threading.Event()
        self._running = threading.Lock()
        self._server = server
        self._channels = channels
        self._lines_per_second = lines_per_second
        self._head = json.dumps({"publisher": name, "text": text})[:-1]

    def line(self, seq: int) -> str:
        """The line number `seq`."""
        return f'{self._head}, "seq": {seq}}}'

    def publish(self, count: int) -> None:
        """Publish the next `count` lines in one pipeline."""
        with self._server.publisher() as client:
            self._publish(client, count)

    def finish(self) -> None:
        """End run(), then publish one more line on each channel, for which is_last() is true."""
        self.stopped.set()
        # Its last pipeline may still be under way, and must not reach Redis after the last line.
        with self._running, self._server.publisher() as client:
            for channel in self._channels:
                self.begun += 1
                client.publish(channel, f'{self._head}, "last": true, "seq": {self.begun}}}')

    def run(self) -> None:
        """Publish at the rate until `stopped` is set. On a slow machine the pipelines get longer; the rate stays."""
        started, before = time.monotonic(), self.begun
        with self._running, self._server.publisher() as client:
            while not self.stopped.wait(0.005):
                due = before + int((time.monotonic() - started) * self._lines_per_second) - self.begun
                while due > 0:
                    self._publish(client, min(due, 100))
                    due -= 100

    def _publish(self, client: redis.Redis, count: int) -> None:
        first, self.begun = self.begun + 1, self.begun + count
        pipeline = client.pipeline(transaction=False)
        for seq in range(first, first + count):
            pipeline.publish(self._channels[seq % len(self._channels)], self.line(seq))
        self.sent_at |= dict.fromkeys(range(first, first + count), time.monotonic())
        pipeline.execute()


@contextmanager
def publishing(
    server: RedisServer, *channels: str, lines_per_second: int, name: str = "only", text: str = ""
) -> Iterator[Publisher]:
    """A publisher in its own thread for the duration of the block. Its errors are raised at the end."""
    with running(Publisher(server, channels, lines_per_second, name, text)) as publisher:
        yield publisher


@contextmanager
def running(publisher: Publisher) -> Iterator[Publisher]:
    """Run `publisher` in its own thread for the duration of the block."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(publisher.run)
        try:
            yield publisher
        finally:
            publisher.stopped.set()
            running.result()


def wait_published(publisher: Publisher, count: int) -> None:
    """Return when `publisher` has published `count` more lines."""
    begun = publisher.begun + count
    wait_until(lambda: publisher.begun > begun, "lines go on")


def is_last(event: Event) -> bool:
    """True for the last line of a publisher of one channel, in a `lines` event too."""
    return '"last": true' in event.data.replace("\\", "")


@dataclass
class Verdict:
    """What a client of one channel received: ids and sequence numbers of lines, and gaps, in order."""

    lines: list[tuple[Id, int]]
    gaps: list[dict[str, object]]

    @property
    def seqs(self) -> list[int]:
        return [seq for _, seq in self.lines]

    def agree_with(self, published: Mapping[Id, int], since: Id | None = None) -> None:
        """
        AssertionError unless each received line has the id and number of a `published` one, and each published line
        from the first received one (or the first after `since`) to the last was received or lies in a gap.
        """
        received = dict(self.lines)
        assert received.items() <= published.items()
        bounds = [(Id.parse(str(gap["after"])), Id.parse(str(gap["before"]))) for gap in self.gaps]
        begin = since or self.lines[0][0]
        for id in published.keys() - received.keys():
            told = any(after < id < before for after, before in bounds)
            assert told or not begin < id < self.lines[-1][0], f"{id} was lost without a gap"


def verdict(events: Iterable[Event], step: int = 1) -> Verdict:
    """
    The verdict on `events` of one channel and one publisher. AssertionError unless ids rise without a jump except at
    a gap or a fence, and lines are missing only at a gap and within its bounds.

    `step` is the difference between the numbers of consecutive lines.
    """
    told = Verdict([], [])
    gap: dict[str, object] | None = None
    lost: int | None = 0
    for event in events:
        if event.type == "gap":
            gap = json.loads(event.data)
            told.gaps.append(gap)
            if told.lines:
                assert Id.parse(str(gap["after"])) >= told.lines[-1][0]
            # If more is lost while a gap is sent, another gap follows at once.
            lost = None if lost is None or gap["lost"] is None else lost + int(str(gap["lost"]))
            continue
        id, seq = Id.parse(event.id), int(json.loads(event.data)["seq"])
        if told.lines:
            last_id, last_seq = told.lines[-1]
            assert id > last_id
            if gap:
                assert id >= Id.parse(str(gap["before"]))
                missing = (seq - last_seq) // step - 1
                assert lost in (None, missing), f"{told.gaps} between {last_seq} at {last_id} and {seq} at {id}"
                assert seq > last_seq
            else:
                assert seq == last_seq + step, f"{seq} after {last_seq} at {id}"
                assert id.n == (last_id.n + 1 if id.fence == last_id.fence else 1), f"{id} after {last_id}"
        told.lines.append((id, seq))
        gap, lost = None, 0
    return told


@contextmanager
def redis_order(server: RedisServer, channel: str) -> Iterator[dict[Id, int]]:
    """
    An independent reference: the number of every line of `channel`, which must be new, by its id.

    MONITOR shows each command when Redis runs it, fences of the script included, and CLIENT KILL TYPE pubsub does not
    end it. A marker line published at the end shows that everything has arrived. If the server is killed, the
    reference ends with it.
    """
    lines: dict[Id, int] = {}
    begun = threading.Event()

    def watch() -> None:
        with server.client() as client, server.client() as asking, client.monitor() as monitor:
            fence, n = int(asking.get("sse-hub:clock") or 0), 0
            begun.set()
            while command := next_command(monitor):
                command, _, rest = command.partition(" ")
                name, _, payload = rest.partition(" ")
                if command.upper() != "PUBLISH":
                    continue
                if name == "sse-hub:fence":
                    fence, n = int(payload), 0
                elif name == channel:
                    n += 1
                    lines[Id(fence, n)] = int(json.loads(payload)["seq"])
                elif name == "end-of-reference":
                    return

    def next_command(monitor: Monitor) -> str:
        try:
            shown: dict[str, str] = monitor.next_command()  # type: ignore[no-untyped-call]  # redis-py's own
            return shown["command"]
        except redis.ConnectionError:
            server.process.wait(DEADLINE_SECONDS)
            return ""

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            assert begun.wait(DEADLINE_SECONDS)
            yield lines
        finally:
            if server.process.poll() is None:
                with server.client() as client:
                    client.publish("end-of-reference", "")
            watching.result()
