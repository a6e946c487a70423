"""When a line came is the same for a live client, after a reload, and from the log: item 7 of issue 15."""

import asyncio
import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.support.http_client import fetch
from tests.support.load import Id
from tests.support.recording_hubs import recording_hubs, wait_recorded, wait_recorder
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import PATIENCE
from tests.support.sse_client import open_stream

FORMATS = ("ndjson", "csv", "txt")
# How much longer a line may be on its way to one process than to another.
APART_MS = 100 * PATIENCE


@pytest.fixture(scope="module")
def two_hubs() -> Iterator[tuple[RedisServer, list[HubProcess]]]:
    with recording_hubs(2) as (server, hubs, _):
        yield server, hubs


def text_ms(text: str) -> int:
    """The time of an ISO 8601 text, in ms."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


async def rows_of(url: str, lines: int) -> list[tuple[str, str, str, int]]:
    """The first rows of a `batch=1` stream."""
    async with open_stream(url) as stream:
        return [tuple(row) for event in await stream.take(1) for row in event.json][:lines]


async def test_item_7_a_line_has_the_same_moment_live_after_a_reload_and_from_the_log(
    two_hubs: tuple[RedisServer, list[HubProcess]],
) -> None:
    server, hubs = two_hubs
    recorder = wait_recorder(hubs)
    other = next(hub for hub in hubs if hub is not recorder)
    asked = "message?channel=came&batch=1"
    async with open_stream(f"{recorder.url}/{asked}") as one, open_stream(f"{other.url}/{asked}") as two:
        sent: list[float] = []
        live: list[list[tuple[str, str, str, int]]] = [[], []]
        with server.client() as client:
            # Longer than a second: a fence comes in between.
            until = time.time() + 1.3
            while time.time() < until:
                sent.append(time.time() * 1000)
                client.publish("came", f"no time in line {len(sent)}")
                for rows, stream in zip(live, (one, two), strict=True):
                    rows += [tuple(row) for event in await stream.take(1) for row in event.json]
                await asyncio.sleep(0.05)
    wait_recorded(server, Id.parse(live[0][-1][0]))

    moments = [row[3] for row in live[0]]
    assert moments == sorted(moments)
    for (id, _, _, moment), published in zip(live[0], sent, strict=True):
        assert moment >= Id.parse(id).fence
        assert abs(moment - published) < APART_MS
    assert max(abs(here[3] - there[3]) for here, there in zip(*live, strict=True)) < APART_MS

    # The log has those of the recorder, and all read the log, or the memory of their own process.
    for hub in (recorder, other):
        assert [tuple(row) for row in fetch(hub, "/history?channel=came").json["lines"]] == live[0]
        assert [tuple(row) for row in fetch(hub, "/search?channel=came&text=no+time").json["lines"]] == live[0]
    with hub_process(server.url) as fresh:
        assert await rows_of(f"{fresh.url}/{asked}&tail=500", len(sent)) == live[0]
    assert await rows_of(f"{other.url}/{asked}&tail=500", len(sent)) == live[1]

    # A file begins with a gap: before the log began, nothing was recorded.
    ndjson, sheet, text = (fetch(other, f"/export?channel=came&format={each}").body.decode() for each in FORMATS)
    assert [json.loads(row)["@moment"] for row in ndjson.splitlines()[1:]] == moments
    assert [text_ms(row["time"]) for row in list(csv.DictReader(io.StringIO(sheet)))[1:]] == moments
    assert [text_ms(row.split(" ")[0]) for row in text.splitlines()[1:]] == moments


async def test_an_entry_of_the_log_without_a_moment_came_at_its_fence(
    two_hubs: tuple[RedisServer, list[HubProcess]],
) -> None:
    """As an older hub on the same Redis records it, or somebody who may write to the log."""
    server, hubs = two_hubs
    forged: list[str | None] = [None, "", "-5", "x", "1.5", "9" * 30, "\u0663"]
    expected: list[list[object]] = []
    with server.client() as client:
        async with open_stream(f"{hubs[0].url}/message?channel=old.*&batch=1") as stream:
            for number, text in enumerate(forged):
                client.publish(f"old.{number}", "as it was")
                [[id, name, line, _]] = (await stream.take(1))[0].json
                wait_recorded(server, Id.parse(id))
                client.delete(f"sse-hub:log:{name}")
                client.xadd(f"sse-hub:log:{name}", {"l": line} | ({} if text is None else {"m": text}), id)
                expected.append([id, name, line, Id.parse(id).fence])

    # A new hub has nothing in memory.
    with hub_process(server.url) as fresh:
        assert fetch(fresh, "/history?channel=old.*").json["lines"] == expected
