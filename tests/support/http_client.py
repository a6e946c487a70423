"""Plain HTTP requests to a hub: status, headers and body of the response, whatever the status."""

import http.client
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.message import Message
from functools import partial
from typing import Any, NamedTuple

from tests.support.servers import HubProcess
from tests.support.settings import DEADLINE_SECONDS


class Response(NamedTuple):
    status: int
    headers: Message
    url: str
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


def fetch(
    hub: HubProcess,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
) -> Response:
    """GET `path`, or POST it if there is a `body`, unless `method` says something else."""
    request = urllib.request.Request(hub.url + path, data=body, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as response:
            return Response(response.status, response.headers, response.url, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Response(error.code, error.headers, error.url or "", error.read())


def fetch_all(hub: HubProcess, *paths: str) -> list[Response]:
    """GET several paths at the same time."""
    with ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(partial(fetch, hub), paths))


def post(hub: HubProcess, channel: str, *lines: bytes, **headers: str) -> Response:
    """Publish `lines` by POST."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return fetch(hub, f"/publish?channel={channel}", b"\n".join(lines), named)


@contextmanager
def slow_client(hub: HubProcess, path: str) -> Iterator[http.client.HTTPResponse]:
    """A GET through a small buffer: the body is received only as the test reads it."""
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=DEADLINE_SECONDS)
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(DEADLINE_SECONDS)
        plain.connect(("127.0.0.1", hub.port))
        connection.sock = plain
        connection.request("GET", path)
        with connection.getresponse() as response:
            yield response
