"""A reconnecting client continues exactly where it was, on any hub, or gets a gap for what it missed."""

import asyncio
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from urllib.parse import quote

import pytest

from tests.support.load import Id, Publisher, is_last, publishing, verdict
from tests.support.recording_hubs import last_fence
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import at_scale
from tests.support.sse_client import Event, open_stream
from tests.support.waiting import wait_until

RESUMES = at_scale(200, 2_000)
HELD = 100


@pytest.fixture
def small_hub(own_server: RedisServer) -> Iterator[HubProcess]:
    """
    A hub that keeps about the last 100 lines of a channel in the log, and 1,000 in memory, which is more than can come
    between two rounds of the recorder.
    """
    with hub_process(own_server.url, "--ring-lines", str(10 * HELD), "--retain-lines", str(HELD)) as hub:
        hub.wait_recording()
        yield hub


async def publish_and_read(server: RedisServer, hub: HubProcess, channel: str, count: int) -> list[Event]:
    """Publish `count` numbered lines one by one, so that they reach the hub in many reads. Returns their events."""
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        publisher = Publisher(server, [channel], 1, "only", "")
        events: list[Event] = []
        for _ in range(count):
            publisher.publish(1)
            events += await stream.take(1)
        return events


async def test_resuming_at_random_points_on_either_hub_under_load_loses_and_repeats_nothing(
    server: RedisServer, hub: HubProcess, other_hub: HubProcess, channel: str
) -> None:
    events: list[Event] = []
    headers: dict[str, str] = {}
    with publishing(server, channel, lines_per_second=2_000) as publisher:
        for _ in range(RESUMES):
            url = f"{random.choice([hub, other_hub]).url}/message?channel={channel}"
            async with open_stream(url, headers) as stream:
                events += await stream.take(random.randrange(1, 30))
            # Not the stream's last id: later lines were sent but not processed, as when a browser is killed.
            headers = {"Last-Event-ID": events[-1].id}
    publisher.finish()
    async with open_stream(f"{hub.url}/message?channel={channel}", headers) as stream:
        told = verdict(events + await stream.until(is_last))

    assert told.gaps == []
    assert told.seqs[-1] == publisher.begun


@pytest.mark.parametrize(
    "query", ["channel={0}.0&channel={0}.1&channel={0}.2", "channel={0}.0&channel={0}.1&channel={0}.2&batch=1"]
)
async def test_resuming_with_several_channels_loses_and_repeats_nothing(
    server: RedisServer, hub: HubProcess, other_hub: HubProcess, channel: str, query: str
) -> None:
    seqs = await resume_often(server, [hub, other_hub], channel, query.format(channel))

    for number, each in enumerate(seqs):
        assert each == list(range(each[0], each[-1] + 1, 3)), f"channel {number}"


@pytest.mark.parametrize("query", ["channel={0}.*", "channel={0}.*&batch=1"])
async def test_resuming_a_pattern_may_repeat_lines_but_loses_none(
    server: RedisServer, hub: HubProcess, other_hub: HubProcess, channel: str, query: str
) -> None:
    seqs = await resume_often(server, [hub, other_hub], channel, query.format(channel))

    for each in seqs:
        once = sorted(set(each))
        assert once == list(range(once[0], once[-1] + 1, 3))
        assert all(then <= before + 3 for before, then in pairwise(each))


@pytest.mark.parametrize(
    "query", ["channel={0}.0", "channel={0}.0&channel={0}.1&channel={0}.2", "channel={0}.0&batch=1"]
)
async def test_resuming_with_a_filter_gives_exactly_the_matching_lines(
    server: RedisServer, hub: HubProcess, other_hub: HubProcess, channel: str, query: str
) -> None:
    """A third of the lines of a channel match; every fifth of all, numbers that end in 3 or 7."""
    seqs = await resume_often(server, [hub, other_hub], channel, query.format(channel) + f"&q={quote('seq~/[37]$/')}")

    for number, each in enumerate(seqs):
        if each:
            matching = [seq for seq in range(number, each[-1] + 1, 3) if seq % 10 in (3, 7) and seq >= each[0]]
            assert each == matching, f"channel {number}"
    assert any(seqs)


async def resume_often(server: RedisServer, hubs: list[HubProcess], channel: str, query: str) -> list[list[int]]:
    """The line numbers of three channels, in the order received by a client whose connection is often cut."""
    # A `lines` event comes at most every 50 ms.
    rounds, most = (RESUMES // 10, 2) if "batch" in query else (RESUMES // 4, 20)
    channels = [f"{channel}.{number}" for number in range(3)]
    seqs: dict[str, list[int]] = {name: [] for name in channels}
    headers: dict[str, str] = {}
    with publishing(server, *channels, lines_per_second=1_500):
        for _ in range(rounds):
            async with open_stream(f"{random.choice(hubs).url}/message?{query}", headers) as stream:
                events = await stream.take(random.randint(1, most))
                if "*" in query:
                    # The cursor is a fence: a client cut off before the next fence resumes at the same place.
                    events += await stream.until(partial(moves, headers.get("Last-Event-ID", "")))
                for event in events:
                    assert event.type in ("message", "lines"), event
                    for name, seq in lines_of(event):
                        seqs[name or channels[0]].append(seq)
            headers = {"Last-Event-ID": events[-1].id}
    return list(seqs.values())


def moves(cursor: str, event: Event) -> bool:
    return event.id != cursor


def lines_of(event: Event) -> list[tuple[str, int]]:
    """Channel and number of each line."""
    if event.type == "lines":
        return [(name, json.loads(line)["seq"]) for _, name, line, _ in event.json]
    return [(event.json.get("@channel", ""), event.json["seq"])]


async def test_last_event_id_wins_over_since_and_since_over_tail(
    server: RedisServer, hub: HubProcess, channel: str
) -> None:
    events = await publish_and_read(server, hub, channel, 10)
    url = f"{hub.url}/message?channel={channel}&tail=1"

    async with open_stream(f"{url}&since={events[4].id}", {"Last-Event-ID": events[7].id}) as stream:
        assert await stream.take(2) == events[8:]
    async with open_stream(f"{url}&since={events[4].id}") as stream:
        assert await stream.take(5) == events[5:]
    async with open_stream(url) as stream:
        assert await stream.take(1) == events[9:]


async def test_since_a_time_delivers_every_line_after_it(server: RedisServer, hub: HubProcess, channel: str) -> None:
    """A time lies between two fences, so lines up to 1.5 s older may come; the old lines are older than that."""
    old = await publish_and_read(server, hub, channel, 3)
    old_fence = int(old[-1].id.split("-")[0])
    await asyncio.to_thread(wait_until, lambda: last_fence(server) > old_fence + 1_500, "the old lines are old")
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        fence = int(stream.last_event_id.split("-")[0])
        Publisher(server, [channel], 1, "only", "").publish(1)
        new = await stream.take(1)
    moment = datetime.fromtimestamp(fence / 1000, UTC)
    spellings = [
        moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        moment.isoformat(timespec="milliseconds"),
        moment.replace(tzinfo=None).isoformat(timespec="milliseconds"),
        (moment + timedelta(hours=2)).replace(tzinfo=None).isoformat(timespec="milliseconds") + "+02:00",
    ]

    for since in ["-15m", "-1h", "-1d", "0-0"]:
        async with open_stream(f"{hub.url}/message?channel={channel}&since={since}") as stream:
            first, *rest = await stream.until(new[0].__eq__)
        assert rest == old + new
        assert (first.type, first.json["reason"], first.json["lost"]) == ("gap", "recorder-down", None)
    for since in spellings:
        for spelt in (quote(since), since):
            async with open_stream(f"{hub.url}/message?channel={channel}&since={spelt}") as stream:
                assert await stream.take(1) == new


@pytest.mark.parametrize("query", ["", "&channel=quiet", "&channel=quiet*"])
async def test_tail_delivers_the_last_lines_before_live_ones(
    server: RedisServer, hub: HubProcess, channel: str, query: str
) -> None:
    events = await publish_and_read(server, hub, channel, 20)

    for count in (1, 7, 20, 10_000):
        async with open_stream(f"{hub.url}/message?channel={channel}&tail={count}{query}") as stream:
            tail = await stream.take(min(count, 20))
        assert [event.json["seq"] for event in tail] == [event.json["seq"] for event in events[-count:]]


async def test_a_position_older_than_the_log_gets_one_gap_with_the_number_lost(
    own_server: RedisServer, small_hub: HubProcess, channel: str
) -> None:
    url = f"{small_hub.url}/message?channel={channel}"
    async with open_stream(url) as stream:
        publisher = Publisher(own_server, [channel], 1, "only", "")
        events: list[Event] = []
        while len(events) < 20 * HELD:
            publisher.publish(10)
            events += await stream.take(10)

    told = []
    for at in (0, HELD, 3 * HELD):
        async with open_stream(url, {"Last-Event-ID": events[at].id}) as resumed:
            told.append(verdict([events[at], *await resumed.until(events[-1].__eq__)]))

    for each in told:
        [gap] = each.gaps
        assert (gap["channel"], gap["reason"]) == (channel, "trimmed")
        assert Id.parse(str(gap["after"])) == each.lines[0][0]
        assert len(each.lines) > HELD - 10
        same_fence = each.lines[0][0].fence == each.lines[1][0].fence
        assert gap["lost"] == (each.seqs[1] - each.seqs[0] - 1 if same_fence else None)


@pytest.mark.parametrize("query", ["", "&batch=1", "&channel=quiet", "&channel=quiet*"])
@pytest.mark.parametrize(
    "bogus",
    [
        "abc",
        "-5",
        "5",
        "1-",
        "1-2-3",
        "-1--1",
        "9999999999999-0",
        "99999999999999999999-99999999999999999999",
        "9" * 400 + "-1",
        "1732160000000-" + "1." * 200 + "1",
        "\xe4\xf6",
        "x" * 6_000,
    ],
)
async def test_an_invalid_last_event_id_gets_a_gap_and_a_live_stream(
    server: RedisServer, hub: HubProcess, channel: str, bogus: str, query: str
) -> None:
    async with open_stream(f"{hub.url}/message?channel={channel}{query}", {"Last-Event-ID": bogus}) as stream:
        with server.client() as client:
            client.publish(channel, "live")
        *gaps, line = await stream.until(lambda event: event.type != "gap")

    assert stream.status == 200
    asked = [channel, "quiet" if query.endswith("quiet") else "quiet*"][: 1 + query.count("channel")]
    assert [(gap.json["channel"], gap.json["reason"]) for gap in gaps] == [(name, "unknown-id") for name in asked]
    assert "live" in line.data


async def test_a_cursor_for_another_number_of_channels_is_unknown(
    server: RedisServer, hub: HubProcess, channel: str
) -> None:
    async with open_stream(f"{hub.url}/message?channel={channel}&channel=quiet") as stream:
        cursor = stream.last_event_id
        with server.client() as client:
            client.publish(channel, "1")
        [event] = await stream.take(1)

    for query, id in (("", event.id), ("&channel=quiet&channel=other", event.id), ("&channel=quiet", f"{cursor}.0")):
        async with open_stream(f"{hub.url}/message?channel={channel}{query}", {"Last-Event-ID": id}) as stream:
            gaps = await stream.take(1 + query.count("channel"))
        assert {gap.json["reason"] for gap in gaps} == {"unknown-id"}
