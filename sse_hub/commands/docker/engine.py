"""
A client for the engine's HTTP API: only the requests needed here, all of which only read.

    unix:///var/run/docker.sock --> Engine --> containers(), state(), log(), events(), usage()

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

from sse_hub.errors import ContainerGone, EngineUnavailable, InvalidSetting, error_text

SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")
# Sockets of a rootless engine, below XDG_RUNTIME_DIR.
ROOTLESS_SOCKETS = ("docker.sock", "podman/podman.sock")
# For any answer but a followed log, which may be silent for days.
ANSWER_SECONDS = 30.0
CONNECT_SECONDS = 5.0
ERROR_CHARACTERS = 300


class ContainerState(NamedTuple):
    """The state of a container that matters for reading its log; `started_at` distinguishes its runs."""

    terminal: bool
    running: bool
    started_at: str


def log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """
    An exception handler for event loops that read from an engine: it reports everything but one harmless error.

    anyio completes a read on a Unix socket even if it was cancelled in the same iteration, and the loop would print
    that as an error (https://github.com/agronholm/anyio/issues/1267 is about the same futures).
    """
    cancelled = isinstance(context.get("exception"), asyncio.InvalidStateError)
    if not (cancelled and "set_result" in context.get("message", "")):
        loop.default_exception_handler(context)


def default_engine(environ: Mapping[str, str]) -> str:
    """The URL of the engine: DOCKER_HOST, or the first of the usual sockets that exists."""
    if url := environ.get("DOCKER_HOST"):
        return url
    folder = environ.get("XDG_RUNTIME_DIR")
    paths = [*SOCKETS, *(f"{folder}/{name}" for name in ROOTLESS_SOCKETS if folder)]
    return "unix://" + next((path for path in paths if Path(path).exists()), SOCKETS[0])


class Engine:
    """
    The engine at `url`: unix:///path, tcp://host:port, http:// or https://. Must be closed.

    `follows_reliably`, known after connect(), is false for an engine that skips lines of a followed log.
    """

    def __init__(self, url: str) -> None:
        """Raises InvalidSetting if `url` is none of these."""
        if not (found := _parse_address(url)):
            raise InvalidSetting(f"{url!r} is not the URL of an engine, such as unix://{SOCKETS[0]}.")
        base, socket = found
        # Each followed container is one connection: their number is not limited.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=8)
        self._client = httpx.AsyncClient(
            base_url=base,
            transport=httpx.AsyncHTTPTransport(uds=socket, limits=limits),
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        )
        # Without user and password.
        self._display_url = re.sub(r"//[^/@]*@", "//", url)
        self._version_prefix = ""
        self.follows_reliably = True

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def connect(self) -> None:
        """Negotiate the version of the API. Raises EngineUnavailable."""
        try:
            headers = (await self._get("/_ping")).headers
        except EngineUnavailable as error:
            raise EngineUnavailable(
                f"no answer at {self._display_url} ({error}). Is it running? (Podman: systemctl start podman.socket) "
                "Set its URL with --engine"
            ) from None
        version = headers.get("api-version", "")
        # Podman reads lines while they are being written, and skips those it has read by half.
        self.follows_reliably = "libpod-api-version" not in headers
        self._version_prefix = f"/v{version}" if version.replace(".", "", 1).isdecimal() else ""

    async def system_time(self) -> str:
        """The time of its clock, as text. Raises EngineUnavailable."""
        return str((await self._read("/info")).get("SystemTime", ""))

    async def containers(self, labels: tuple[str, ...]) -> list[dict[str, Any]]:
        """All containers, running or not, that have all of `labels`. Raises EngineUnavailable."""
        filters = json.dumps({"label": list(labels)}) if labels else ""
        found = await self._read("/containers/json", {"all": "1"} | ({"filters": filters} if filters else {}))
        if not isinstance(found, list):
            raise EngineUnavailable("its answer is not a list of containers")
        return [container for container in found if isinstance(container, dict)]

    async def state(self, container: str) -> ContainerState:
        """The state of `container`. Raises EngineUnavailable, ContainerGone."""
        found = await self._read(f"/containers/{container}/json")
        try:
            state = found["State"]
            running = bool(state["Running"]) and not state.get("Restarting")
            return ContainerState(bool(found["Config"]["Tty"]), running, str(state["StartedAt"]))
        except (KeyError, TypeError) as error:
            raise EngineUnavailable(f"its answer about a container lacks {error}") from None

    async def usage(self, container: str) -> dict[str, Any]:
        """The resources `container` has used so far. Raises EngineUnavailable, ContainerGone."""
        found = await self._read(f"/containers/{container}/stats", {"stream": "false", "one-shot": "true"})
        return found if isinstance(found, dict) else {}

    async def log(self, container: str, since_seconds: int, follow: bool) -> AsyncGenerator[bytes, None]:
        """
        The log of `container` with timestamps, in pieces; the first is empty. With `follow` it ends when the container
        does. Raises EngineUnavailable if it breaks off, ContainerGone.
        """
        query = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": str(int(follow))}
        if since_seconds > 0:
            query["since"] = str(since_seconds)
        async with aclosing(self._stream(f"/containers/{container}/logs", query)) as pieces:
            async for piece in pieces:
                yield piece

    async def output_signals(self, container: str) -> AsyncGenerator[None, None]:
        """Yields whenever `container` prints something, until it stops. Raises as log() does."""
        query = {"stdout": "1", "stderr": "1", "tail": "0", "follow": "1"}
        async with aclosing(self._stream(f"/containers/{container}/logs", query)) as pieces:
            async for piece in pieces:
                if piece:
                    yield

    async def events(self) -> AsyncGenerator[dict[str, Any], None]:
        """Events of containers from now on; first {} once the engine reports them. Raises EngineUnavailable."""
        kinds = {"type": ["container"], "event": ["start", "die", "destroy", "rename"]}
        buffer = b""
        async with aclosing(self._stream("/events", {"filters": json.dumps(kinds)})) as pieces:
            async for piece in pieces:
                if not piece:
                    yield {}
                *lines, buffer = (buffer + piece).split(b"\n")
                for line in filter(None, lines):
                    event = _parse_json(line)
                    if isinstance(event, dict):
                        yield event

    async def _read(self, path: str, query: dict[str, str] | None = None) -> Any:
        return _parse_json((await self._get(self._version_prefix + path, query)).content)

    async def _get(self, path: str, query: dict[str, str] | None = None) -> httpx.Response:
        try:
            response = await self._client.get(path, params=query)
        except (httpx.HTTPError, OSError) as error:
            raise EngineUnavailable(_error_text(error)) from None
        _raise_for_status(response)
        return response

    async def _stream(self, path: str, query: dict[str, str]) -> AsyncGenerator[bytes, None]:
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=None)
        try:
            async with self._client.stream(
                "GET", self._version_prefix + path, params=query, timeout=timeout
            ) as response:
                if response.status_code != 200:
                    await response.aread()
                _raise_for_status(response)
                # The engine has answered.
                yield b""
                async for piece in response.aiter_raw():
                    yield piece
        except (httpx.HTTPError, OSError) as error:
            raise EngineUnavailable(_error_text(error)) from None


def _parse_address(url: str) -> tuple[str, str | None] | None:
    """The base URL of HTTP requests and the path of the socket, if any; None if `url` is not valid."""
    try:
        parsed = urlsplit(url)
        if parsed.scheme == "unix" and parsed.path:
            return "http://engine", parsed.path
        if parsed.scheme in ("tcp", "http", "https") and parsed.hostname and parsed.port != 0:
            return url.replace("tcp://", "http://", 1), None
    except ValueError:
        pass
    return None


def _raise_for_status(response: httpx.Response) -> None:
    if response.status_code == 200:
        return
    message = _error_message(response.content)
    if response.status_code == 404:
        raise ContainerGone(message)
    raise EngineUnavailable(f"{response.status_code}: {message}")


def _error_message(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    text = str(found["message"]) if isinstance(found, dict) and "message" in found else body.decode(errors="replace")
    return text.strip()[:ERROR_CHARACTERS]


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise EngineUnavailable("its answer is not JSON") from None


def _error_text(error: Exception) -> str:
    return error_text(error)
