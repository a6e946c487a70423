"""
A TCP proxy that refuses some dials, or holds back what trusted peers send and get, in a thread of its own.

    client --> TcpProxy --> server          refuse({1, 3, 10}): these dials are reset as soon as they are made
                                            hold(): a partition between the server and its trusted peers
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from tests.support.settings import DEADLINE_SECONDS

CHUNK_BYTES = 65_536
# A closed connection is reset, and what it has to send is dropped.
RESET = struct.pack("ii", 1, 0)


class TcpProxy:
    """
    Passes connections to `port` on to the server at `target`, a host and a port.

    Connections from addresses in `trusted` are never refused. `dials` counts the others since the last refuse().
    """

    def __init__(self, target: tuple[str, int], trusted: Collection[str] = ()) -> None:
        self.port = 0
        self.dials = 0
        self.refused = 0
        self._target = target
        self._trusted = trusted
        self._refused: Collection[int] = ()
        self._lock = threading.Lock()
        self._connections: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        # Set while trusted connections may pass.
        self._open = asyncio.Event()
        self._open.set()

    def refuse(self, dials: Collection[int]) -> None:
        """Refuse these of the dials that come from now on; the first is number 1."""
        with self._lock:
            self._refused, self.dials, self.refused = dials, 0, 0

    def hold(self) -> None:
        """Pass on no byte of trusted connections, old and new ones, until release(). They stay open, and are silent."""
        assert self._loop, "the proxy does not serve"
        self._loop.call_soon_threadsafe(self._open.clear)

    def release(self) -> None:
        """Pass on all that hold() has held back, and what follows."""
        assert self._loop, "the proxy does not serve"
        self._loop.call_soon_threadsafe(self._open.set)

    def _refuses(self, peer: str) -> bool:
        if peer in self._trusted:
            return False
        with self._lock:
            self.dials += 1
            refuses = self.dials in self._refused
            self.refused += refuses
            return refuses

    async def serve(self, listening: socket.socket, stop: asyncio.Event) -> None:
        """Serve until `stop` is set."""
        self._loop = asyncio.get_running_loop()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._pass_on(reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        async with await asyncio.start_server(accept, sock=listening):
            await stop.wait()
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if peer is None or self._refuses(peer[0]):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
            return
        may_pass = self._open if peer[0] in self._trusted else None
        if may_pass:
            await may_pass.wait()
        # The server must see who is trusted, too, so the dial goes out from the same address.
        try:
            to_reader, to_writer = await asyncio.open_connection(*self._target, local_addr=(peer[0], 0))
        except OSError:
            writer.transport.abort()
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, to_writer, may_pass))
                group.create_task(_copy(to_reader, writer, may_pass))
        finally:
            for each in (writer, to_writer):
                each.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: asyncio.Event | None) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            if may_pass:
                await may_pass.wait()
            writer.write(chunk)
            await writer.drain()
    # Half-closed connections are of no use to anybody here.
    writer.transport.close()


@contextmanager
def tcp_proxy(port: int, target: tuple[str, int], trusted: Collection[str] = ()) -> Iterator[TcpProxy]:
    """A proxy on loopback that listens when the block is entered."""
    proxy = TcpProxy(target, trusted)
    listening = socket.create_server(("127.0.0.1", port), backlog=512)
    proxy.port = listening.getsockname()[1]
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        asyncio.get_running_loop().call_soon(ready.set)
        await proxy.serve(listening, stop)

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(DEADLINE_SECONDS)
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
