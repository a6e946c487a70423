"""
The workers of one hub, and how one of them gets an answer from each.

    supervisor --> create_workers() --> a WorkerId for each, with inherited descriptors
    worker --> ask_all() ── a socket to answer on, through the inbox of each other worker ──► serve_peers() --> answers

All sockets are inherited pairs without a name, so there is no path that could be cleaned away or opened by others. An
inbox outlives its worker: the supervisor holds it, and the worker's successor reads on.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from sse_hub.http.shared_counters import counters_file
from sse_hub.tasks import cancel_and_wait

# A worker that takes longer counts as down.
ANSWER_SECONDS = 0.5
CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class WorkerId:
    """
    Worker `number` of `count`, and the descriptors it has inherited; a process that serves alone has none.

    `counters` is the file of the shared counters. `inbox` is this worker's datagram socket, `outboxes` are those that
    send to the inbox of each worker, by number.
    """

    number: int = 0
    count: int = 1
    counters: int | None = None
    inbox: int | None = None
    outboxes: tuple[int, ...] = ()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All descriptors that the worker must inherit."""
        return tuple(each for each in (self.counters, self.inbox, *self.outboxes) if each is not None)


SINGLE = WorkerId()


@contextmanager
def create_workers(count: int) -> Iterator[list[WorkerId]]:
    """The ids of `count` workers, whose descriptors stay open within the block. Raises OSError."""
    with ExitStack() as stack:
        counters = stack.enter_context(counters_file(count))
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count)]
        for each in (end for pair in pairs for end in pair):
            stack.enter_context(each).setblocking(False)
        outboxes = tuple(outbox.fileno() for _, outbox in pairs)
        yield [WorkerId(number, count, counters, inbox.fileno(), outboxes) for number, (inbox, _) in enumerate(pairs)]


@asynccontextmanager
async def serve_peers(worker: WorkerId, answer: Callable[[], bytes]) -> AsyncIterator[None]:
    """Within the block, send what `answer` returns to every other worker that asks."""
    if worker.inbox is None:
        yield
        return
    loop = asyncio.get_running_loop()
    answering: set[asyncio.Task[None]] = set()

    def receive() -> None:
        with suppress(OSError):
            _, descriptors, _, _ = socket.recv_fds(inbox, 1, 1)
            for descriptor in descriptors:
                start_answer(socket.socket(fileno=descriptor))

    def start_answer(connection: socket.socket) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            answering.discard(task)
            connection.close()

        task = loop.create_task(_answer(connection, answer))
        answering.add(task)
        task.add_done_callback(ended)

    with _duplicate(worker.inbox) as inbox:
        loop.add_reader(inbox, receive)
        try:
            yield
        finally:
            loop.remove_reader(inbox)
            await cancel_and_wait(answering)


async def ask_all(worker: WorkerId, own: bytes) -> dict[int, bytes | None]:
    """The answers of all workers by number, that of `worker` being `own`; None for one that did not answer in time."""
    others = [number for number in range(worker.count) if number != worker.number]
    answers = await asyncio.gather(*(_ask(worker.outboxes[number]) for number in others))
    return dict(sorted([(worker.number, own), *zip(others, answers, strict=True)]))


async def _ask(outbox: int) -> bytes | None:
    loop = asyncio.get_running_loop()
    received = bytearray()
    try:
        # Both ends stay open here, so only a worker that has sent all of its answer can end it, and not one that is
        # killed half-way.
        with _duplicate(outbox) as sender, ExitStack() as stack:
            ours, theirs = (stack.enter_context(each) for each in socket.socketpair())
            ours.setblocking(False)
            socket.send_fds(sender, [b"?"], [theirs.fileno()])
            async with asyncio.timeout(ANSWER_SECONDS):
                while chunk := await loop.sock_recv(ours, CHUNK_BYTES):
                    received += chunk
    # Also where its inbox is full, since it has not read for long.
    except (OSError, TimeoutError):
        return None
    return bytes(received) or None


async def _answer(connection: socket.socket, answer: Callable[[], bytes]) -> None:
    with suppress(OSError, TimeoutError):
        connection.setblocking(False)
        async with asyncio.timeout(ANSWER_SECONDS):
            await asyncio.get_running_loop().sock_sendall(connection, answer())
        connection.shutdown(socket.SHUT_WR)


def _duplicate(descriptor: int) -> socket.socket:
    duplicate = socket.fromfd(descriptor, socket.AF_UNIX, socket.SOCK_DGRAM)
    duplicate.setblocking(False)
    return duplicate
