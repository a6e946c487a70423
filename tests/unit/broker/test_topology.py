"""Which of several Sentinels is believed: small servers that speak their protocol, and may say anything."""

import asyncio
import socketserver
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager

import pytest
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from sse_hub.broker.address import ASK_SECONDS
from sse_hub.broker.connect import command_pool
from sse_hub.broker.keys import Partition
from sse_hub.broker.topology import MAX_ASKED, Primary, Topology
from sse_hub.tasks import cancel_and_wait
from tests.support.lying_sentinel import LyingSentinel, lying_sentinel
from tests.support.servers import free_port
from tests.support.settings import DEADLINE_SECONDS
from tests.support.waiting import wait_until

NAME = "main"
OLD, NEW = 7001, 7002


def url(*sentinels: LyingSentinel, name: str = NAME, more: Sequence[str] = (), query: str = "") -> str:
    return f"redis+sentinel://{','.join([*(each.address for each in sentinels), *more])}/{name}/0{query}"


@contextmanager
def sentinels(*told: tuple[int, int]) -> Iterator[list[LyingSentinel]]:
    """Sentinels that each name a primary's port, with an epoch."""
    with ExitStack() as stack:
        yield [stack.enter_context(lying_sentinel(NAME, port, epoch)) for port, epoch in told]


@asynccontextmanager
async def asking(redis_url: str) -> AsyncIterator[Topology]:
    """A topology that asks for the duration of the block."""
    topology = Topology(redis_url, Partition())
    task = asyncio.create_task(topology.run())
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await topology.wait_asked()
        yield topology
        assert not task.done(), "it has died"
    finally:
        await cancel_and_wait([task])


async def end_at(topology: Topology, step: int) -> bool:
    """
    End run() `step` steps of the loop after a question has begun, with two cancellations as those of a busy hub.

    Returns whether nobody asks any more.
    """
    before = asyncio.all_tasks()
    task = asyncio.create_task(topology.run())
    async with asyncio.timeout(DEADLINE_SECONDS):
        await topology.wait_asked()
    topology.suspect()
    for _ in range(step):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await cancel_and_wait([task])
    left = asyncio.all_tasks() - before
    await cancel_and_wait(left)
    return not left


async def until_at(topology: Topology, port: int) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not topology.names(Primary(("127.0.0.1", port))):
            await topology.wait_changed(0.05)


async def rounds(*asked: LyingSentinel) -> None:
    """Return when each of `asked` was asked twice more, so that one answer was judged."""
    counts = [len(each.asked) + 6 for each in asked]

    def all_asked() -> bool:
        return all(len(each.asked) >= count for each, count in zip(asked, counts, strict=True))

    await asyncio.to_thread(wait_until, all_asked, "all were asked twice")


async def test_the_highest_epoch_wins_whoever_has_it() -> None:
    with sentinels((OLD, 3), (NEW, 4), (OLD, 0)) as told:
        async with asking(url(*told)) as topology:
            await until_at(topology, NEW)
            await rounds(*told)
            assert topology.primary.server == ("127.0.0.1", NEW)
        assert (await Topology(url(*told), Partition()).find()).server == ("127.0.0.1", NEW)


async def test_one_that_has_learned_of_a_failover_is_believed_at_once() -> None:
    with sentinels((OLD, 3), (OLD, 3), (OLD, 3)) as told:
        async with asking(url(*told)) as topology:
            moves: list[int] = []
            topology.on_move(lambda: moves.append(topology.primary.server[1]))
            told[2].primary_port, told[2].epoch = NEW, 4
            await until_at(topology, NEW)
            assert moves == [NEW]


async def test_a_stale_answer_is_not_believed_when_those_who_know_are_silent() -> None:
    with sentinels((OLD, 0)) as stale, sentinels((NEW, 4)) as knowing:
        async with asking(url(*stale, *knowing, more=[f"127.0.0.1:{free_port()}"])) as topology:
            await until_at(topology, NEW)
            knowing[0].name = "another"
            await rounds(*stale, *knowing)
            assert topology.primary.server == ("127.0.0.1", NEW)


async def test_a_lower_epoch_is_believed_when_most_sentinels_were_set_up_anew() -> None:
    with sentinels((OLD, 9), (OLD, 9), (OLD, 9)) as told:
        async with asking(url(*told)) as topology:
            for each in told[:2]:
                each.primary_port, each.epoch = NEW, 1
            told[2].name = "another"
            await until_at(topology, NEW)


async def test_of_equal_epochs_the_present_primary_stays() -> None:
    with sentinels((OLD, 3), (OLD, 3), (OLD, 3)) as told:
        async with asking(url(*told)) as topology:
            told[0].primary_port = NEW
            await rounds(*told)
            assert topology.primary.server == ("127.0.0.1", OLD)


async def test_the_first_answer_is_not_believed_before_most_have_answered() -> None:
    with sentinels((OLD, 0), (NEW, 4), (NEW, 4)) as told:
        told[1].delay_seconds = told[2].delay_seconds = 0.3
        async with asking(url(*told)) as topology:
            assert topology.primary.server == ("127.0.0.1", NEW)


async def test_the_one_that_answers_suffices_when_the_others_can_not_be_reached() -> None:
    with sentinels((OLD, 3)) as told:
        nobody = [f"127.0.0.1:{free_port()}" for _ in range(2)]
        async with asking(url(*told, more=nobody)) as topology:
            assert topology.primary.server == ("127.0.0.1", OLD)


async def test_sentinels_that_the_url_does_not_name_are_asked_too_but_not_all_of_a_thousand() -> None:
    with sentinels((OLD, 3), (NEW, 4)) as [named, other]:
        named.others = [other.port, *range(20_000, 21_000)]
        async with asking(url(named)) as topology:
            await until_at(topology, NEW)
            assert len(topology._to_ask()) <= MAX_ASKED


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("-ERR No such master with that name", "No such master"),
        ("-NOAUTH Authentication required.", "sentinel_password="),
        (["ip"], "not understood"),
        ([b"ip", b"h", b"port", b"x", b"config-epoch", b"x"], "not understood"),
        ({"ip": b"h"}, "not understood"),
        ("OK", "not understood"),
        (7, "not understood"),
    ],
)
async def test_an_answer_that_can_not_be_used_is_an_error_that_says_why(answer: object, error: str) -> None:
    with sentinels((OLD, 3)) as [liar]:
        liar.instead = answer  # type: ignore[assignment]
        async with asking(url(liar)) as topology:
            with pytest.raises(RedisConnectionError, match=f"127.0.0.1:{liar.port}: .*({error})"):
                _ = topology.primary
            liar.instead = None
            await until_at(topology, OLD)
        liar.instead = answer  # type: ignore[assignment]
        with pytest.raises(RedisConnectionError, match=error):
            await Topology(url(liar), Partition()).find()


async def test_a_sentinel_that_is_too_slow_is_an_error_and_does_not_hold_up_the_others() -> None:
    with sentinels((OLD, 9), (NEW, 4)) as [slow, quick]:
        slow.delay_seconds = 2 * ASK_SECONDS
        async with asking(url(slow, quick)) as topology:
            await until_at(topology, NEW)


@contextmanager
def serving(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    """A port where `handler` answers, each connection in a thread of its own."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def silent_server() -> Iterator[tuple[int, threading.Event]]:
    """A port where everything is taken and nothing is answered; the event is set when a command has come."""
    asked = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline():
                asked.set()

    with serving(Handler) as port:
        yield port, asked


async def test_a_command_at_a_server_that_has_lost_its_place_fails_at_once() -> None:
    with silent_server() as (frozen, asked), sentinels((frozen, 3)) as [told]:
        async with asking(url(told)) as topology:
            pool = command_pool(topology, ConnectionPool, retry=Retry(NoBackoff(), 0), socket_timeout=None, protocol=2)
            async with Redis.from_pool(pool) as client:
                waiting = asyncio.ensure_future(client.ping())
                await asyncio.to_thread(asked.wait, DEADLINE_SECONDS)
                assert not waiting.done()

                told.primary_port, told.epoch = told.port, 4

                async with asyncio.timeout(DEADLINE_SECONDS):
                    with pytest.raises(RedisError):
                        await waiting
                    # The liar answers PING, too.
                    assert await client.ping()


@contextmanager
def refusing_server(refusal: bytes) -> Iterator[int]:
    """A port where each command is answered with the error `refusal`."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while written := self.request.recv(4096):
                self.request.sendall((b"-" + refusal + b"\r\n") * written.count(b"*"))

    with serving(Handler) as port:
        yield port


@pytest.mark.parametrize(
    ("answer", "suspects"),
    [(b"MOVED 10846 127.0.0.1:1", True), (b"READONLY no", True), (b"ERR unknown command", False)],
)
async def test_a_command_that_a_server_refuses_for_another_one_has_all_servers_asked_at_once(
    answer: bytes, suspects: bool
) -> None:
    with refusing_server(answer) as port, sentinels((port, 3)) as [told]:
        async with asking(url(told)) as topology:
            loop = asyncio.get_running_loop()
            pool = command_pool(topology, ConnectionPool, retry=Retry(NoBackoff(), 0), protocol=2)
            async with Redis.from_pool(pool) as client:
                before = loop.time()
                with pytest.raises(RedisError):
                    await client.ping()
                assert (topology._suspected_at >= before) is suspects


async def test_the_url_of_a_sentinel_itself_says_what_to_write_instead() -> None:
    with sentinels((OLD, 3)) as [told]:
        async with asking(f"redis://{told.address}/0") as topology:
            with pytest.raises(RedisConnectionError, match=r"redis\+sentinel://"):
                _ = topology.primary


async def test_nobody_is_asked_any_more_at_whatever_moment_it_ends() -> None:
    """In Python 3.11 a cancellation is lost that comes as a question has been written; who asks then went on."""
    with sentinels((OLD, 3), (OLD, 3)) as told:
        assert all([await end_at(Topology(url(*told), Partition()), step) for step in range(20)])
