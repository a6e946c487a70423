"""
A Redis with several hubs that record, the content of their log, and faults to inject.

    recording_hubs() --> server, hubs --> kill(), frozen(), cut_sessions(), restarted() --> recorded(), follow()
"""

import asyncio
import itertools
import json
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import psutil

from tests.support.load import Id, is_last
from tests.support.processes import connections
from tests.support.servers import HubProcess, RedisServer, hub_processes, redis_server
from tests.support.sse_client import Event, Stream, open_stream
from tests.support.waiting import wait_until

RETRY_SECONDS = 0.05
EVERY_LINE = ("--retain-lines", "10000000")


@contextmanager
def recording_hubs(
    count: int = 2, options: tuple[str, ...] = EVERY_LINE, redis_options: tuple[str, ...] = ()
) -> Iterator[tuple[RedisServer, list[HubProcess], ExitStack]]:
    """A new Redis and `count` hubs on it that record."""
    with redis_server(options=redis_options) as server, ExitStack() as stack:
        hubs = stack.enter_context(hub_processes(count, server.url, *options))
        for hub in hubs:
            hub.wait_recording()
        yield server, hubs, stack


def entries(server: RedisServer, channel: str) -> list[tuple[Id, dict[bytes, bytes]]]:
    """The entries of `channel` in the log, in order."""
    with server.client() as client:
        return [(Id.parse(id.decode()), fields) for id, fields in client.xrange(f"sse-hub:log:{channel}")]


def recorded(server: RedisServer, channel: str) -> dict[Id, bytes]:
    """The recorded lines of `channel` in order, with markers of missing lines as empty lines."""
    return {id: fields.get(b"l", b"") for id, fields in entries(server, channel)}


def recorded_seqs(server: RedisServer, channel: str) -> dict[Id, int]:
    """The sequence number of each recorded line of `channel`."""
    return {id: json.loads(fields[b"l"])["seq"] for id, fields in entries(server, channel) if b"l" in fields}


def lines_in_log(server: RedisServer, channel: str) -> int:
    """The number of entries of `channel` in the log."""
    with server.client() as client:
        return int(client.xlen(f"sse-hub:log:{channel}"))


def last_fence(server: RedisServer) -> int:
    """The last fence that any hub has issued."""
    with server.client() as client:
        return int(client.get("sse-hub:clock") or 0)


def watermark(server: RedisServer) -> int:
    """The watermark: the log is complete up to this fence."""
    with server.client() as client:
        return int(client.get("sse-hub:watermark") or 0)


def wait_recorded(server: RedisServer, id: Id) -> None:
    """Return when the log is complete past `id`."""
    wait_until(lambda: watermark(server) > id.fence, f"{id} is recorded")


def recorder_of(hubs: list[HubProcess]) -> HubProcess | None:
    """The hub that records."""
    return next((hub for hub in hubs if hub.state().get("recorder")), None)


def wait_recorder(hubs: list[HubProcess]) -> HubProcess:
    """The hub that records, as soon as one does."""
    wait_until(lambda: recorder_of(hubs) is not None, "one of them records")
    hub = recorder_of(hubs)
    return hub or wait_recorder(hubs)


# Faults.


def kill(hub: HubProcess) -> None:
    """SIGKILL."""
    hub.process.send_signal(signal.SIGKILL)
    hub.process.wait()


@contextmanager
def frozen(hub: HubProcess) -> Iterator[None]:
    """SIGSTOP at the beginning of the block, SIGCONT at its end."""
    hub.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        hub.process.send_signal(signal.SIGCONT)


def cut_sessions(server: RedisServer, hubs: Iterable[HubProcess]) -> int:
    """Cut the connections on which `hubs` receive lines, all in one transaction. Returns how many there were."""
    ports = {port for hub in hubs for port in _ports_of(hub)}
    with server.client() as client:
        known: list[dict[str, str]] = client.client_list()
        of_sessions = [each for each in known if each["name"] == "sse-hub:session"]
        ids = [each["id"] for each in of_sessions if each["addr"].rpartition(":")[2] in ports]
        pipeline = client.pipeline(transaction=True)
        for id in ids:
            pipeline.client_kill_filter(_id=id)
        return sum(pipeline.execute())


def _ports_of(hub: HubProcess) -> set[str]:
    process = psutil.Process(hub.process.pid)
    every = (process, *process.children(recursive=True))
    return {str(each.laddr.port) for one in every for each in connections(one) if each.laddr}


@contextmanager
def restarted(server: RedisServer, options: tuple[str, ...] = (), kill_first: bool = True) -> Iterator[RedisServer]:
    """SIGKILL `server`, and start an empty one on its port."""
    if kill_first:
        server.process.kill()
        server.process.wait()
    with redis_server(port=server.port, options=options) as again:
        yield again


# Clients.


async def current_fence(hub: HubProcess) -> int:
    """A fence that `hub` has seen. A client that joins gets a new one at once."""
    async with open_stream(f"{hub.url}/message?channel=none") as stream:
        return Id.parse(stream.last_event_id).fence


async def follow(urls: Sequence[str], query: str, begun: asyncio.Event, after: str = "") -> list[Event]:
    """
    The events up to the last line, for a client that reconnects to the next of `urls` as an EventSource does.

    `begun` is set when it has its position in the stream.
    """
    events: list[Event] = []
    for url in itertools.cycle(urls):
        headers = {"Last-Event-ID": after} if after else {}
        try:
            async with open_stream(f"{url}/message?{query}", headers) as stream:
                begun.set()
                async for event in stream:
                    events.append(event)
                    if is_last(event):
                        return events
                after = stream.last_event_id or after
        except (OSError, EOFError):
            pass
        # A browser waits for the hub's `retry:`; this is the same, only shorter.
        await asyncio.sleep(RETRY_SECONDS)
    raise AssertionError("there are no urls")


async def read_after(hub: HubProcess, channel: str, id: str, last: Event | None = None) -> list[Event]:
    """The events for a client that resumes at `id`, up to the event `last` or to the last line."""
    async with open_stream(f"{hub.url}/message?channel={channel}", {"Last-Event-ID": id}) as stream:
        return await stream.until(is_last if last is None else last.__eq__)


def gaps_of(events: Iterable[Event]) -> list[dict[str, Any]]:
    """The gaps among `events`."""
    return [event.json for event in events if event.type == "gap"]


async def numbers(stream: Stream, count: int) -> list[int]:
    """The sequence numbers of the next `count` lines of `stream`."""
    return [event.json["seq"] for event in await stream.take(count)]
