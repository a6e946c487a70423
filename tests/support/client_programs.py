"""
The programs of docs/clients.md, each with a client library of another author, and a relay in front of the hub for each.

    program --> Relay --> the hub of the moment            Program.numbers(), .events(): what it printed
"""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sse_hub.tasks import cancel_and_wait
from tests.support.programs import node_binary
from tests.support.settings import PATIENCE, ROOT

SOURCES = ROOT / "tests" / "clients"
BUILT = ROOT / ".clients"
INSTALL = SOURCES / "install.sh"
# A first build, beside other tests: Rust alone takes over a minute of CPU.
BUILD_SECONDS = 300 * PATIENCE
LAST_EVENT_ID = re.compile(rb"\r\nlast-event-id: *([^\r\n]+)", re.IGNORECASE)
# {'n': 1} in Python, { n: 1 } in JavaScript, map[n:1] in Go, {"n":1} elsewhere.
NUMBER = re.compile(r"^message\b.*?\bn\W+(\d+)", re.MULTILINE)
EVENT = re.compile(r"^(message|gap|refused|checkpoint)\b", re.MULTILINE)

NODE_OPTIONS = ("--import", "./window.mjs")
JAVA = ("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", "target/classes:target/dependency/*")


@dataclass(frozen=True)
class Client:
    """
    A program: its source below tests/clients, and the command that runs it in `folder`.

    `follows_retry` is False if its library waits as it likes after it was refused.
    """

    source: str
    command: Sequence[str]
    folder: Path = ROOT
    python_path: str = ""
    follows_retry: bool = True

    @property
    def name(self) -> str:
        """The name of the source without its suffix."""
        return self.source.replace("/main.go", "").rpartition("/")[2].partition(".")[0]


def _npm(name: str) -> Client:
    return Client(f"npm/{name}.mjs", (node_binary(), *NODE_OPTIONS, f"{name}.mjs"), BUILT / "npm")


def _python(name: str, packages: str = "requirements") -> Client:
    return Client(f"python/{name}.py", (sys.executable, str(SOURCES / f"python/{name}.py")), python_path=packages)


def _go(name: str) -> Client:
    return Client(f"go/{name}/main.go", (str(BUILT / "go" / name),))


def _java(name: str, follows_retry: bool) -> Client:
    source = f"java/src/main/java/{name}.java"
    return Client(source, (*JAVA, name), BUILT / "java", follows_retry=follows_retry)


def _rust(name: str, follows_retry: bool) -> Client:
    command = (str(BUILT / "rust" / "debug" / name),)
    return Client(f"rust/src/bin/{name}.rs", command, follows_retry=follows_retry)


CLIENTS = [
    _npm("eventsource"),
    _npm("reconnecting-eventsource"),
    _npm("eventsource-client"),
    _npm("eventsource-parser"),
    _npm("fetch-event-source"),
    _python("httpx_sse_client"),
    _python("sseclient_py_client"),
    _python("sseclient_client", "sseclient"),
    _python("aiohttp_sse_client2_client"),
    _python("requests_sse_client"),
    _python("launchdarkly_eventsource_client"),
    _go("r3labs"),
    _go("tmaxmax"),
    _go("launchdarkly"),
    _java("OkhttpSse", follows_retry=False),
    _java("OkhttpEventsource", follows_retry=False),
    _rust("eventsource_client", follows_retry=False),
    _rust("reqwest_eventsource", follows_retry=True),
    _rust("sse_client", follows_retry=False),
]


class Relay:
    """
    A port that passes connections on to the hub at `target`, while it is open.

    `requests` has the time.monotonic() of each request and its `Last-Event-ID`, "" if it has none.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[float, str]] = []
        self.port = 0
        self.target = 0
        self._server: asyncio.Server | None = None
        self._relaying: set[asyncio.Task[None]] = set()

    async def open(self, target: int) -> None:
        """Listen, on the same port as before, for the hub on port `target`."""
        self.target = target
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Refuse connections, as the port of a hub that is gone does."""
        if self._server:
            self._server.close()
        self._server = None

    async def cut(self) -> None:
        """Close it, and cut the connections."""
        self.close()
        await cancel_and_wait(self._relaying)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._relay(reader, writer))
        self._relaying.add(task)
        task.add_done_callback(self._relaying.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_hub = None
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            found = LAST_EVENT_ID.search(head)
            self.requests.append((time.monotonic(), found[1].decode() if found else ""))
            from_hub, to_hub = await asyncio.open_connection("127.0.0.1", self.target)
            to_hub.write(head)
            while data := await from_hub.read(65536):
                writer.write(data)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for each in (writer, to_hub):
                if each:
                    each.close()
                    with suppress(OSError, asyncio.CancelledError):
                        await each.wait_closed()


@dataclass
class Program:
    """A running program."""

    client: Client
    relay: Relay
    process: asyncio.subprocess.Process
    output: Path
    errors: Path

    def numbers(self) -> list[int]:
        """The numbers of the lines that it printed, in this order."""
        return [int(number) for number in NUMBER.findall(self.output.read_text(errors="replace"))]

    def events(self) -> list[str]:
        """The names of the events that it printed."""
        return EVENT.findall(self.output.read_text(errors="replace"))


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


def build_clients() -> None:
    """Build the programs where they are not built yet. AssertionError with the output of the tool that failed."""
    done = subprocess.run([INSTALL], capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@asynccontextmanager
async def running_clients(target: int, query: str, folder: Path) -> AsyncIterator[list[Program]]:
    """All programs of CLIENTS, each with a relay to the hub on port `target`; `folder` gets what they print."""
    async with AsyncExitStack() as stack:
        programs = []
        for client in CLIENTS:
            relay = Relay()
            await relay.open(target)
            stack.push_async_callback(relay.cut)
            output, errors = folder / f"{client.name}.out", folder / f"{client.name}.err"
            with output.open("wb") as out, errors.open("wb") as err:
                process = await asyncio.create_subprocess_exec(
                    *client.command,
                    f"http://127.0.0.1:{relay.port}/message?{query}",
                    cwd=client.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    env=os.environ | {"PYTHONPATH": str(BUILT / client.python_path)},
                )
            stack.push_async_callback(_end, process)
            programs.append(Program(client, relay, process, output, errors))
        yield programs
