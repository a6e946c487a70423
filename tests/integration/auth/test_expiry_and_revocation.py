"""When a right ends, its streams end too (S9), and the hub's log contains no secret."""

import asyncio
import json
import sys
import time
from pathlib import Path

from sse_hub.broker.keys import Partition
from tests.support.http_client import fetch
from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import DEADLINE_SECONDS, PATIENCE, ROOT
from tests.support.sse_client import Stream, open_stream
from tests.support.tokens import (
    SECRET,
    A,
    B,
    bearer,
    cookie_of,
    key_set,
    publish,
    sign_in,
    stream_url,
    ticket_for,
    token,
    token_header,
    token_hub,
)
from tests.support.waiting import wait_until

# Of a token that ends while a test waits: the test has so long to use it.
LIFE_SECONDS = 2.0 * PATIENCE

# The end of a stream.


async def ended(stream: Stream) -> str:
    events = await stream.rest()
    assert stream.ended_cleanly
    return str(events[-1].json["reason"]) if events and events[-1].type == "auth" else str(events)


async def revoke(text: str, redis: RedisServer) -> None:
    words = (sys.executable, "-m", "sse_hub.cli", "token", "revoke", text, "--redis-url", redis.url)
    command = await asyncio.create_subprocess_exec(*words, cwd=ROOT)
    assert await command.wait() == 0


async def test_a_stream_ends_with_its_token(guarded: HubProcess) -> None:
    ends = time.time() + LIFE_SECONDS
    short = token(LIFE_SECONDS, subscribe=[A])
    cookie = cookie_of(sign_in(guarded, short))
    ticket = ticket_for(guarded, f"channel={A}", token_header(short))
    async with (
        open_stream(stream_url(guarded, f"channel={A}"), token_header(short)) as by_token,
        open_stream(stream_url(guarded, "channel=*"), cookie) as by_cookie,
        open_stream(stream_url(guarded, f"channel={A}&ticket={ticket}")) as by_ticket,
        open_stream(stream_url(guarded, f"channel={A}"), bearer(subscribe=[A])) as longer,
    ):
        assert [await ended(stream) for stream in (by_token, by_cookie, by_ticket)] == ["expired"] * 3
        late = time.time() - ends
        # I7: in the block of `auth` itself, so that the client goes on from there with a new token.
        assert by_token.last_event_id and by_token.decoder.retry_ms in range(1_000, 3_001)
        publish(guarded, A, {"message": "on"}, bearer(publish=[A]))
        assert len(await longer.take(1)) == 1

    assert -0.1 < late < 5 * PATIENCE
    answer = fetch(guarded, f"/message?channel={A}", headers=token_header(short))
    assert (answer.status, answer.json["detail"]) == (401, "The token has expired.")


async def test_a_client_that_does_not_read_the_end_of_its_stream_is_disconnected(guarded: HubProcess) -> None:
    short = token(LIFE_SECONDS + PATIENCE, subscribe=["app.flood"])
    writer, reader = bearer(publish=["app.flood"]), bearer(subscribe=["app.flood"])

    def subscribers() -> int:
        channels = fetch(guarded, "/channels", headers=reader).json["channels"]
        return sum(each["subscribers"] for each in channels if each["name"] == "app.flood")

    async with open_stream(stream_url(guarded, "channel=app.flood"), token_header(short), receive_buffer_bytes=4096):
        for _ in range(8):
            await asyncio.to_thread(publish, guarded, "app.flood", {"message": "x" * 500_000}, writer)
        assert subscribers() == 1
        begun = time.monotonic()
        await asyncio.to_thread(wait_until, lambda: not subscribers(), "it is cut")

    assert time.monotonic() - begun < 8 * PATIENCE


async def test_a_revoked_token_ends_its_streams_and_opens_no_new_ones(
    guarded: HubProcess, guarded_server: RedisServer
) -> None:
    revoked, other = token(subscribe=[A]), token(subscribe=[A])
    async with (
        open_stream(stream_url(guarded, f"channel={A}"), token_header(revoked)) as stream,
        open_stream(stream_url(guarded, f"channel={A}"), token_header(other)) as lasting,
    ):
        begun = time.monotonic()
        await revoke(revoked, guarded_server)
        assert await ended(stream) == "revoked"
        assert time.monotonic() - begun < 10 * PATIENCE
        publish(guarded, A, {"message": "on"}, bearer(publish=[A]))
        assert len(await lasting.take(1)) == 1

    answer = fetch(guarded, "/whoami", headers=token_header(revoked))
    assert (answer.status, answer.json["detail"]) == (401, "The token has been revoked.")


async def test_removing_a_key_ends_the_streams_of_its_tokens(guarded_server: RedisServer, tmp_path: Path) -> None:
    new = b"another secret of thirty-two bytes and more"
    sets = [json.loads(key_set(SECRET)), json.loads(key_set(new, "new"))]
    both = {"keys": [key for each in sets for key in each["keys"]]}
    with token_hub(guarded_server.url, tmp_path, "--ingest", "app.*") as hub:
        async with open_stream(stream_url(hub, f"channel={A}"), bearer(subscribe=[A])) as stream:
            (tmp_path / "keys.json").write_text(json.dumps(both))
            assert await ended(stream) == "changed"
            assert fetch(hub, "/whoami", headers=bearer(subscribe=[A])).status == 200
        (tmp_path / "keys.json").write_text(key_set(new, "new"))
        wait_until(lambda: fetch(hub, "/whoami", headers=bearer()).status == 401, "the old key is believed no more")
        assert fetch(hub, "/whoami", headers=token_header(token(secret=new, kid="new"))).status == 200


async def test_a_revocation_survives_a_loss_of_data_in_redis(own_server: RedisServer, tmp_path: Path) -> None:
    revoked = token(subscribe=[A])

    def refused(hub: HubProcess) -> bool:
        return fetch(hub, "/whoami", headers=token_header(revoked)).status == 401

    with token_hub(own_server.url, tmp_path) as hub, own_server.client() as client:
        assert not refused(hub)
        await revoke(revoked, own_server)
        wait_until(lambda: refused(hub), "the hub knows")

        client.config_set("maxmemory", "1")
        client.flushall()
        wait_until(lambda: "revocations_write_failed" in hub.output, "Redis takes nothing")
        assert refused(hub)
        client.config_set("maxmemory", "0")
        wait_until(lambda: bool(client.exists(Partition().revoked)), "it has it back")
        with token_hub(own_server.url, tmp_path) as later:
            assert refused(later)
        assert refused(hub)


def test_expired_revocations_are_removed_even_with_clock_skew(own_server: RedisServer, tmp_path: Path) -> None:
    now = time.time()
    with own_server.client() as client:
        client.hset(Partition().revoked, mapping={"long ago": now - 7200, "just now": now - 5, "odd": "soon"})
        with token_hub(own_server.url, tmp_path) as hub:
            wait_until(lambda: not client.hexists(Partition().revoked, "long ago"), "it is taken off")
            assert fetch(hub, "/whoami", headers=bearer()).status == 200

        assert set(client.hkeys(Partition().revoked)) == {b"just now", b"odd"}


async def test_a_ticket_is_void_once_its_token_is_revoked(guarded: HubProcess, guarded_server: RedisServer) -> None:
    short, revoked = token(LIFE_SECONDS, subscribe=[A]), token(subscribe=[A])
    tickets = [ticket_for(guarded, f"channel={A}", token_header(each)) for each in (short, revoked)]
    await revoke(revoked, guarded_server)

    def over() -> bool:
        return all(fetch(guarded, "/whoami", headers=token_header(each)).status == 401 for each in (short, revoked))

    wait_until(over, "both tokens have ended")

    answers = [fetch(guarded, f"/history?channel={A}&ticket={each}") for each in tickets]

    assert [(each.status, each.json["detail"]) for each in answers] == [
        (401, "The token has expired."),
        (401, "The token has been revoked."),
    ]


async def test_a_ticket_and_its_stream_end_with_the_key_of_its_token(
    guarded_server: RedisServer, tmp_path: Path
) -> None:
    new = b"another secret of thirty-two bytes and more"
    mine = bearer(subscribe=[A])
    with token_hub(guarded_server.url, tmp_path, "--ingest", "app.*") as hub:
        early, late = (ticket_for(hub, f"channel={A}", mine) for _ in range(2))
        async with open_stream(stream_url(hub, f"channel={A}&ticket={early}")) as stream:
            # With the same name: only the very key counts with which a token was signed.
            (tmp_path / "keys.json").write_text(key_set(new))
            assert await ended(stream) == "changed"

        assert fetch(hub, "/whoami", headers=mine).status == 401
        assert fetch(hub, f"/history?channel={A}&ticket={late}").status == 401


async def test_a_ticket_request_without_redis_is_told_to_retry(own_server: RedisServer, tmp_path: Path) -> None:
    with token_hub(own_server.url, tmp_path) as hub:
        own_server.freeze()
        async with asyncio.timeout(DEADLINE_SECONDS):
            answer = await asyncio.to_thread(fetch, hub, "/message?channel=log&ticket=x")
            issued = await asyncio.to_thread(fetch, hub, "/ticket?channel=log", b"", bearer(subscribe=["log"]))
        own_server.thaw()

    assert (answer.status, issued.status) == (200, 503)
    assert b"retry: " in answer.body


def test_the_hubs_log_contains_no_secret(guarded: HubProcess) -> None:
    """Runs last in this file: it reads everything that the tests above made the hub log."""
    secret = token(subscribe=[A])
    ticket = ticket_for(guarded, f"channel={A}", token_header(secret))
    fetch(guarded, f"/message?channel={B}&ticket={ticket}")
    sign_in(guarded, secret + "x")

    assert "grant_ended" in guarded.output
    for text in (secret, ticket, "ticket=", "eyJ", SECRET.hex()):
        assert text not in guarded.output
