"""What the log keeps is bounded in bytes and in channels, what it no longer has is told, and queries end in time."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import redis

from tests.support.http_client import fetch
from tests.support.load import Id
from tests.support.servers import RedisServer, hub_process, redis_server
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

LINE = "x" * 50_000


def publish_lines(server: RedisServer, channel: str, *texts: str) -> str:
    """The id of the last of `texts`, which are published on `channel`, once they are recorded."""

    def state() -> list[bytes]:
        return (client.hget("sse-hub:channels", channel) or b"0-0 0").split()

    with server.client() as client:
        count = int(state()[1]) + len(texts)
        for text in texts:
            client.publish(channel, json.dumps({"text": text}))
        wait_until(lambda: int(state()[1]) == count, "all is recorded")
        return state()[0].decode()


async def test_r5_a_channel_takes_no_more_of_redis_than_its_megabytes() -> None:
    with redis_server() as server, hub_process(server.url, "--retain-megabytes", "2", "--ring-lines", "100") as hub:
        hub.wait_recording()
        begin = publish_lines(server, "large", LINE)
        last = publish_lines(server, "large", *[LINE] * 299)
        publish_lines(server, "small", *["x"] * 300)
        with server.client() as client:
            kept, used = client.xlen("sse-hub:log:large"), client.memory_usage("sse-hub:log:large")
            assert client.xlen("sse-hub:log:small") == 300
        with hub_process(server.url, "--retain-megabytes", "2") as newcomer:
            async with open_stream(f"{newcomer.url}/message?channel=large", {"Last-Event-ID": begin}) as stream:
                gap, *lines = await stream.until(lambda event: event.id == last)

    assert 20 <= kept <= 60
    assert used < 3_500_000
    assert (gap.type, gap.json["reason"]) == ("gap", "trimmed")
    assert len(lines) == kept


async def test_r5_a_channel_that_was_forgotten_with_its_lines_is_told_as_a_gap() -> None:
    options = ("--retain-channels", "100", "--new-channels-per-second", "0")
    with redis_server() as server, hub_process(server.url, *options) as hub:
        hub.wait_recording()
        known = publish_lines(server, "app.log", "a")
        publish_lines(server, "app.log", "b")
        before = f"{Id.parse(publish_lines(server, 'app.log', 'c')).fence}-0"
        with server.client() as client:
            pipeline = client.pipeline(transaction=False)
            for number in range(300):
                pipeline.publish(f"n.{number}", "{}")
            pipeline.execute()
            await asyncio.to_thread(wait_until, lambda: client.zcard("sse-hub:recent") > 250, "they are recorded")
            await asyncio.to_thread(wait_until, lambda: client.zcard("sse-hub:recent") <= 100, "most are forgotten")
            gone = next(f"n.{number}" for number in range(300) if not client.exists(f"sse-hub:log:n.{number}"))
        with hub_process(server.url, *options) as newcomer:
            told = {}
            for channel in (gone, "n.*", "app.log", "app.*"):
                url = f"{newcomer.url}/message?channel={quote(channel)}"
                async with open_stream(url, {"Last-Event-ID": before if channel[0] == "n" else known}) as stream:
                    [told[channel]] = await stream.take(1)
            pages = {
                channel: fetch(newcomer, f"/history?channel={quote(channel)}&after={before}").json
                for channel in (gone, "n.*", "app.*")
            }

    assert {channel: event.type for channel, event in told.items()} == {
        gone: "gap", "n.*": "gap", "app.log": "message", "app.*": "message",
    }  # fmt: skip
    assert all(told[channel].json["reason"] == "trimmed" for channel in (gone, "n.*"))
    assert [gap["reason"] for gap in pages[gone]["gaps"]] == ["trimmed"]
    assert "trimmed" in [gap["reason"] for gap in pages["n.*"]["gaps"]]
    assert pages["app.*"]["gaps"] == []


def test_r3_a_search_over_many_channels_finds_all_and_reads_them_in_few_round_trips() -> None:
    with redis_server() as server, hub_process(server.url, "--new-channels-per-second", "0") as hub:
        hub.wait_recording()
        with server.client() as client:
            pipeline = client.pipeline(transaction=False)
            for number in range(1_000):
                pipeline.publish(f"n.{number}", json.dumps({"n": number}))
            pipeline.execute()
            wait_until(lambda: client.zcard("sse-hub:recent") == 1_000, "all is recorded")
            fetch(hub, "/search?channel=*&text=nothing")
            before = scripts(client)
            found = fetch(hub, "/search?channel=*&text=7").json
            calls = scripts(client) - before

    assert found["looked_at"] == 1_000
    assert found["more"] is False
    assert sorted(json.loads(text)["n"] for _, _, text, *_ in found["lines"]) == [
        n for n in range(1_000) if "7" in str(n)
    ]
    # One page of each channel was one script each.
    assert calls < 150


def scripts(client: redis.Redis) -> int:
    """How many scripts have run."""
    stats: Any = client.info("commandstats")
    return int(stats["cmdstat_evalsha"]["calls"])
