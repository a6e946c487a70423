"""
The engine's HTTP API, over its socket: as much of it as is needed here, which is only reading.

    unix:///var/run/docker.sock --> Engine --> containers(), condition(), log(), events(), usage()

See https://docs.docker.com/reference/api/engine/; Podman answers the same requests.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from sse_hub.errors import ContainerGone, EngineUnavailable, InvalidSetting

SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")
# Of an engine that runs without root, below XDG_RUNTIME_DIR.
OWN_SOCKETS = ("docker.sock", "podman/podman.sock")
# A follower may be silent for days; what an engine does at once it does within this.
ANSWER_SECONDS = 30.0
CONNECT_SECONDS = 5.0
ERROR_CHARACTERS = 300


class ContainerState(NamedTuple):
    """What matters of one container for reading its log; `started` tells its runs apart."""

    terminal: bool
    running: bool
    started: str


def log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """
    A loop's exception handler, for those that read from an engine: all is told but what means nothing.

    anyio tells a read on a Unix socket that bytes have come even if it has been cancelled in the same turn, and the
    loop would print that as an error (https://github.com/agronholm/anyio/issues/1267 is about the same futures).
    """
    cancelled = isinstance(context.get("exception"), asyncio.InvalidStateError)
    if not (cancelled and "set_result" in context.get("message", "")):
        loop.default_exception_handler(context)


def default_engine(environ: Mapping[str, str]) -> str:
    """Where an engine is found if nobody says: DOCKER_HOST, or the first of the usual sockets that is there."""
    if url := environ.get("DOCKER_HOST"):
        return url
    folder = environ.get("XDG_RUNTIME_DIR")
    paths = [*SOCKETS, *(f"{folder}/{name}" for name in OWN_SOCKETS if folder)]
    return "unix://" + next((path for path in paths if Path(path).exists()), SOCKETS[0])


class Engine:
    """
    The engine at `url`: unix:///path, tcp://host:port, http:// or https://. To be closed.

    `follows_whole`, known after connect(), is false for one that leaves lines out of a log that is followed.
    """

    def __init__(self, url: str) -> None:
        """Raises InvalidSetting when `url` is none of these."""
        if not (found := _address(url)):
            raise InvalidSetting(f"{url!r} is no address of an engine, such as unix://{SOCKETS[0]}.")
        base, socket = found
        # A container that is followed is one connection: any number of them.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=8)
        self._client = httpx.AsyncClient(
            base_url=base,
            transport=httpx.AsyncHTTPTransport(uds=socket, limits=limits),
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        )
        # Without a password.
        self._place = re.sub(r"//[^/@]*@", "//", url)
        self._prefix = ""
        self.follows_whole = True

    async def close(self) -> None:
        """Leave."""
        await self._client.aclose()

    async def connect(self) -> None:
        """Ask which version of the API it speaks, and speak that. Raises EngineUnavailable."""
        try:
            headers = (await self._get("/_ping")).headers
        except EngineUnavailable as error:
            raise EngineUnavailable(
                f"no answer at {self._place} ({error}): does it run (with Podman: systemctl start podman.socket)? "
                "--engine says where"
            ) from None
        version = headers.get("api-version", "")
        # Podman reads lines while they are being written, and leaves out those that it has caught half.
        self.follows_whole = "libpod-api-version" not in headers
        self._prefix = f"/v{version}" if version.replace(".", "", 1).isdecimal() else ""

    async def now(self) -> str:
        """The time by its clock, as it writes it. Raises EngineUnavailable."""
        return str((await self._read("/info")).get("SystemTime", ""))

    async def containers(self, labels: tuple[str, ...]) -> list[dict[str, Any]]:
        """All containers, running or not, that have all of `labels`. Raises EngineUnavailable."""
        filters = json.dumps({"label": list(labels)}) if labels else ""
        found = await self._read("/containers/json", {"all": "1"} | ({"filters": filters} if filters else {}))
        if not isinstance(found, list):
            raise EngineUnavailable("its list of containers is none")
        return [container for container in found if isinstance(container, dict)]

    async def condition(self, container: str) -> ContainerState:
        """How `container` is doing. Raises EngineUnavailable, ContainerGone."""
        found = await self._read(f"/containers/{container}/json")
        try:
            state = found["State"]
            running = bool(state["Running"]) and not state.get("Restarting")
            return ContainerState(bool(found["Config"]["Tty"]), running, str(state["StartedAt"]))
        except (KeyError, TypeError) as error:
            raise EngineUnavailable(f"what it says of a container lacks {error}") from None

    async def usage(self, container: str) -> dict[str, Any]:
        """What `container` has used until now. Raises EngineUnavailable, ContainerGone."""
        found = await self._read(f"/containers/{container}/stats", {"stream": "false", "one-shot": "true"})
        return found if isinstance(found, dict) else {}

    async def log(self, container: str, since_seconds: int, follow: bool) -> AsyncGenerator[bytes, None]:
        """
        The log of `container` in pieces, with times; with `follow` until it stops. Raises EngineUnavailable where it
        breaks off, ContainerGone.
        """
        query = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": str(int(follow))}
        if since_seconds > 0:
            query["since"] = str(since_seconds)
        async with aclosing(self._stream(f"/containers/{container}/logs", query)) as pieces:
            async for piece in pieces:
                yield piece

    async def bell(self, container: str) -> AsyncGenerator[None, None]:
        """Something for each bit that `container` prints from now on, until it stops. Raises as log() does."""
        query = {"stdout": "1", "stderr": "1", "tail": "0", "follow": "1"}
        async with aclosing(self._stream(f"/containers/{container}/logs", query)) as pieces:
            async for piece in pieces:
                if piece:
                    yield

    async def events(self) -> AsyncGenerator[dict[str, Any], None]:
        """What happens to containers from now on; first of all {}, once it is heeded. Raises EngineUnavailable."""
        kinds = {"type": ["container"], "event": ["start", "die", "destroy", "rename"]}
        buffer = b""
        async with aclosing(self._stream("/events", {"filters": json.dumps(kinds)})) as pieces:
            async for piece in pieces:
                if not piece:
                    yield {}
                *lines, buffer = (buffer + piece).split(b"\n")
                for line in filter(None, lines):
                    event = _parsed(line)
                    if isinstance(event, dict):
                        yield event

    # The rest.

    async def _read(self, path: str, query: dict[str, str] | None = None) -> Any:
        return _parsed((await self._get(self._prefix + path, query)).content)

    async def _get(self, path: str, query: dict[str, str] | None = None) -> httpx.Response:
        try:
            response = await self._client.get(path, params=query)
        except (httpx.HTTPError, OSError) as error:
            raise EngineUnavailable(_words(error)) from None
        _check(response)
        return response

    async def _stream(self, path: str, query: dict[str, str]) -> AsyncGenerator[bytes, None]:
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=None)
        try:
            async with self._client.stream("GET", self._prefix + path, params=query, timeout=timeout) as response:
                if response.status_code != 200:
                    await response.aread()
                _check(response)
                # It has answered.
                yield b""
                async for piece in response.aiter_raw():
                    yield piece
        except (httpx.HTTPError, OSError) as error:
            raise EngineUnavailable(_words(error)) from None


def _address(url: str) -> tuple[str, str | None] | None:
    """Where HTTP requests go, and through which socket; None for what is no address."""
    try:
        parsed = urlsplit(url)
        if parsed.scheme == "unix" and parsed.path:
            return "http://engine", parsed.path
        if parsed.scheme in ("tcp", "http", "https") and parsed.hostname and parsed.port != 0:
            return url.replace("tcp://", "http://", 1), None
    except ValueError:
        pass
    return None


def _check(response: httpx.Response) -> None:
    if response.status_code == 200:
        return
    message = _message(response.content)
    if response.status_code == 404:
        raise ContainerGone(message)
    raise EngineUnavailable(f"{response.status_code}: {message}")


def _message(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    text = str(found["message"]) if isinstance(found, dict) and "message" in found else body.decode(errors="replace")
    return text.strip()[:ERROR_CHARACTERS]


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise EngineUnavailable("it sent something that is no JSON") from None


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
