"""
What happens to connections out there: a wire between the page and the hub that can be cut, and go dead without a word.

    page --> Wire.url --> hub
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

PIECE = 65_536


@dataclass
class Connection:
    """One connection, both ways; `streaming` once a stream was asked for on it."""

    client: socket.socket
    hub: socket.socket
    streaming: bool = False

    def close(self) -> None:
        """End it for both."""
        for end in (self.client, self.hub):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@dataclass
class Wire:
    """It listens on `port` and passes everything on."""

    port: int
    connections: list[Connection] = field(default_factory=list)
    down: threading.Event = field(default_factory=threading.Event)
    """Set: whoever connects is hung up on."""
    thawed: threading.Event = field(default_factory=threading.Event)
    """Not set: streams are silent, and nobody is told."""

    @property
    def url(self) -> str:
        """Where a page finds the hub."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """End every connection there is."""
        for connection in self.connections:
            connection.close()
        self.connections.clear()

    def pass_on(self, connection: Connection, upwards: bool) -> None:
        """Carry bytes one way until there are no more."""
        source, target = (connection.client, connection.hub) if upwards else (connection.hub, connection.client)
        with suppress(OSError):
            while data := source.recv(PIECE):
                if upwards and b"GET /message" in data:
                    connection.streaming = True
                if connection.streaming and not upwards:
                    self.thawed.wait()
                target.sendall(data)
        connection.close()


@contextmanager
def wire(hub_port: int) -> Iterator[Wire]:
    """A wire to the hub on a port of loopback."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        made = Wire(listener.getsockname()[1])
        made.thawed.set()

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    if made.down.is_set():
                        client.close()
                        continue
                    connection = Connection(client, socket.create_connection(("127.0.0.1", hub_port)))
                    made.connections.append(connection)
                    for upwards in (True, False):
                        threading.Thread(target=made.pass_on, args=(connection, upwards), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield made
        finally:
            made.down.set()
            made.thawed.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            made.cut()
