"""
A receiver of alerts: a real HTTP server that keeps what it gets, and answers as a test wants.

    with alert_receiver() as receiver: receiver.url --> webhook --> receiver.requests
"""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from tests.support.servers import free_port
from tests.support.waiting import wait_until


@dataclass(frozen=True)
class Request:
    """A request: its path, its headers in lower case, and its body."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def alert_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class AlertReceiver:
    """
    `answers` are used up first: statuses with headers. Then each request is answered with 200.

    `on_request` is called before an answer. An answer with status 0 never comes.
    """

    port: int = field(default_factory=free_port)
    requests: list[Request] = field(default_factory=list)
    answers: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    on_request: Callable[[], None] = lambda: None
    tls: ssl.SSLContext | None = None
    _released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        """The ids of the alerts, in the order in which they came."""
        return [each.alert_id for each in self.requests]

    def wait(self, count: int) -> None:
        """Return when there are `count` requests."""
        wait_until(lambda: len(self.requests) >= count, f"{count} requests have come")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """It listens in the block, and refuses connections before and after it."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append(Request(self.path, headers, body))
                receiver.on_request()
                status, more = receiver.answers.pop(0) if receiver.answers else (200, {})
                if not status:
                    receiver._released.wait()
                    return
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_PUT = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Clients are killed here."""

        server = Server(("127.0.0.1", self.port), Handler)
        if self.tls:
            server.socket = self.tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            self._released.set()
            server.shutdown()
            thread.join()
            server.server_close()
            self._released.clear()


@contextmanager
def alert_receiver() -> Iterator[AlertReceiver]:
    """A receiver that listens."""
    receiver = AlertReceiver()
    with receiver.listening():
        yield receiver
