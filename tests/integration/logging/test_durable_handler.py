"""`RedisHandler(durable=True)`: every logged line is in the hub's log once, whatever happens to Redis and the hub."""

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from sse_hub.logging import RedisHandler
from tests.support.http_client import fetch
from tests.support.servers import HubProcess, RedisServer, free_port, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, ROOT, at_scale
from tests.support.waiting import wait_until as wait

# With fewer lines than this, the hub's memory covers a kill of Redis.
RING_LINES = "1000000"


@contextmanager
def durable(server: RedisServer, channel: str, **options: Any) -> Iterator[tuple[logging.Logger, RedisHandler]]:
    handler = RedisHandler(server.url, channel, durable=True, **options)
    logger = logging.Logger("app")
    logger.addHandler(handler)
    try:
        yield logger, handler
    finally:
        handler.close()


def log_of(server: RedisServer, channel: str) -> list[dict[str, Any]]:
    with server.client() as client:
        return [json.loads(fields[b"l"]) for _, fields in client.xrange(f"sse-hub:log:{channel}") if b"l" in fields]


def history_of(hub: HubProcess, channel: str) -> list[dict[str, Any]]:
    """All lines of a channel in `/history`, page by page."""
    lines: list[dict[str, Any]] = []
    place, more = "0-0", True
    while more:
        page: Mapping[str, Any] = fetch(hub, f"/history?channel={channel}&after={place}&limit=5000").json
        lines += [json.loads(line) for _, _, line, _ in page["lines"]]
        more, place = page["more"], page["lines"][-1][0]
    return lines


def all_sent(handler: RedisHandler, seconds: float = 3 * DEADLINE_SECONDS) -> None:
    wait(lambda: not handler.counts.waiting, "all lines are recorded", seconds)


def once_each(lines: list[dict[str, Any]], count: int) -> None:
    times = Counter(line["seq"] for line in lines)
    assert times.keys() == set(range(count))
    assert times.total() == count, f"recorded twice: {[seq for seq, n in times.items() if n > 1][:10]}"


def test_a_durable_flush_returns_when_the_log_has_the_lines(hub: HubProcess, server: RedisServer, channel: str) -> None:
    hub.wait_recording()
    with durable(server, channel) as (logger, handler):
        for seq in range(2_500):
            logger.info("x", extra={"seq": seq})
        handler.flush()
        lines = log_of(server, channel)

    once_each(lines, 2_500)
    assert [line["seq"] for line in lines] == list(range(2_500))
    assert len({line["line_id"] for line in lines}) == 2_500


def test_durable_lines_wait_for_a_hub_that_records(channel: str) -> None:
    with redis_server() as server, durable(server, channel) as (logger, handler):
        logger.info("x", extra={"seq": 0})
        wait(lambda: handler._sender._disconnected, "nobody records")
        with hub_process(server.url):
            all_sent(handler)

        once_each(log_of(server, channel), 1)


def test_durable_lines_survive_three_kills_of_redis_exactly_once(channel: str) -> None:
    count, port = at_scale(8_000, 50_000), free_port()
    with ExitStack() as stack:
        server = stack.enter_context(redis_server(port=port))
        hub = stack.enter_context(hub_process(server.url, "--retain-lines", RING_LINES))
        hub.wait_recording()
        with durable(server, channel, buffer_bytes=64 * 1024 * 1024) as (logger, handler):
            for part in range(4):
                for seq in range(part * count // 4, (part + 1) * count // 4):
                    logger.info("x", extra={"seq": seq})
                if part < 3:
                    # Halfway: some lines are recorded, most are not.
                    wait(lambda: handler.counts.sent > part * count // 4, "some are sent")  # noqa: B023
                    server.process.kill()
                    server.process.wait()
                    server = stack.enter_context(redis_server(port=port))
            all_sent(handler)
            assert handler.counts.dropped == 0

        ids: dict[int, set[str]] = {}
        for line in log_of(server, channel):
            ids.setdefault(line["seq"], set()).add(line["line_id"])
        assert ids.keys() == set(range(count))
        assert all(len(each) == 1 for each in ids.values())
        once_each(history_of(hub, channel), count)


@pytest.mark.parametrize("twice", [1, 2])
def test_a_repeatedly_cut_connection_records_every_line_exactly_once(
    hub: HubProcess, server: RedisServer, channel: str, twice: int
) -> None:
    hub.wait_recording()
    with server.client() as client, durable(server, channel) as (logger, handler):
        for seq in range(3_000):
            logger.info("x", extra={"seq": seq})
            if seq % 500 == 250:
                for _ in range(twice):
                    client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        all_sent(handler)

    lines = log_of(server, channel)
    once_each(lines, 3_000)
    assert [line["seq"] for line in lines] == list(range(3_000))


def test_lines_a_killed_hub_had_not_recorded_are_sent_again(channel: str) -> None:
    with redis_server() as server, durable(server, channel) as (logger, handler), hub_process(server.url) as hub:
        hub.wait_recording()
        hub.process.kill()
        hub.process.wait()
        # The watermark is still recent, so these lines are published although no hub listens.
        for seq in range(100):
            logger.info("x", extra={"seq": seq})
        wait(lambda: handler._sender._disconnected, "they are missed")
        with hub_process(server.url):
            all_sent(handler)
            once_each(log_of(server, channel), 100)


def test_the_durable_handlers_rights_in_the_manual_are_enough(
    hub: HubProcess, server: RedisServer, channel: str
) -> None:
    (rule,) = re.findall(r"^ACL SETUSER app on >secret (.*) &app$", (ROOT / "docs" / "publishers.md").read_text(), re.M)
    hub.wait_recording()
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "app", "on", ">secret", *rule.split(), f"&{channel}")
    url = server.url.replace("://", "://app:secret@")
    handler = RedisHandler(url, channel, durable=True)
    logger = logging.Logger("app")
    logger.addHandler(handler)

    logger.info("x", extra={"seq": 0})
    all_sent(handler)
    with server.client() as client:
        # Checking for unsure lines after a cut needs its rights too.
        client.client_kill_filter(_type="normal", skipme=True)
    logger.info("x", extra={"seq": 1})
    all_sent(handler)
    handler.close()

    once_each(log_of(server, channel), 2)


def test_forked_children_with_durable_handlers_send_their_own_lines(
    hub: HubProcess, server: RedisServer, channel: str
) -> None:
    from tests.support.logging_programs import FORKS, run_python

    hub.wait_recording()
    run_python(FORKS.replace("sys.argv[2])", "sys.argv[2], durable=True, exit_seconds=20)"), server.url, channel)

    lines = log_of(server, channel)
    assert len({line["line_id"] for line in lines}) == len(lines) == 8 * 300 + 3
    for who in ("early", "late", "multi0", "multi1", "multi2", "pre0", "pre1", "pre2"):
        assert [line["n"] for line in lines if line["who"] == who] == list(range(300)), who
