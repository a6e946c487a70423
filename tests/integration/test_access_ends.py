"""The end of a right is the end of its streams (S9), and nothing secret is left in the log."""

import asyncio
import json
import sys
import time
from pathlib import Path

from sse_hub.broker.keys import REVOKED
from tests.integration.asking import ask
from tests.integration.people import (
    SECRET,
    A,
    B,
    bearer,
    carrying,
    cookie_of,
    key_set,
    message,
    publish,
    signed_in,
    ticket_for,
    token,
    token_hub,
)
from tests.rig import DEADLINE_SECONDS, PATIENCE, ROOT, HubProcess, RedisServer, wait_until
from tests.sse import Stream, open_stream

# The end.


async def ended(stream: Stream) -> str:
    events = await stream.rest()
    assert stream.ended_cleanly
    return str(events[-1].json["reason"]) if events and events[-1].type == "auth" else str(events)


async def revoke(text: str, redis: RedisServer) -> None:
    words = (sys.executable, "-m", "sse_hub.cli", "token", "revoke", text, "--redis-url", redis.url)
    command = await asyncio.create_subprocess_exec(*words, cwd=ROOT)
    assert await command.wait() == 0


async def test_a_stream_ends_with_its_token(guarded: HubProcess) -> None:
    ends = time.time() + 2
    short = token(2, subscribe=[A])
    cookie = cookie_of(signed_in(guarded, short))
    ticket = ticket_for(guarded, f"channel={A}", carrying(short))
    async with (
        open_stream(message(guarded, f"channel={A}"), carrying(short)) as by_token,
        open_stream(message(guarded, "channel=*"), cookie) as by_cookie,
        open_stream(message(guarded, f"channel={A}&ticket={ticket}")) as by_ticket,
        open_stream(message(guarded, f"channel={A}"), bearer(subscribe=[A])) as longer,
    ):
        assert [await ended(stream) for stream in (by_token, by_cookie, by_ticket)] == ["expired"] * 3
        late = time.time() - ends
        assert by_token.last_event_id
        publish(guarded, A, {"message": "on"}, bearer(publish=[A]))
        assert len(await longer.take(1)) == 1

    assert -0.1 < late < 5
    answer = ask(guarded, f"/message?channel={A}", headers=carrying(short))
    assert (answer.status, answer.json["detail"]) == (401, "The token has expired.")


async def test_a_client_that_does_not_read_its_end_is_cut(guarded: HubProcess) -> None:
    short = token(3, subscribe=["app.flood"])
    writer, operator = bearer(publish=["app.flood"]), bearer(operate=True)

    def subscribers() -> int:
        return int(ask(guarded, "/health/ready", headers=operator).json["subscribers"])

    before = subscribers()
    async with open_stream(message(guarded, "channel=app.flood"), carrying(short), receive_buffer_bytes=4096):
        for _ in range(8):
            await asyncio.to_thread(publish, guarded, "app.flood", {"message": "x" * 500_000}, writer)
        assert subscribers() == before + 1
        begun = time.monotonic()
        await asyncio.to_thread(wait_until, lambda: subscribers() == before, "it is cut")

    assert time.monotonic() - begun < 8 * PATIENCE


async def test_a_revoked_token_ends_its_streams_and_opens_none(
    guarded: HubProcess, guarded_server: RedisServer
) -> None:
    revoked, other = token(subscribe=[A]), token(subscribe=[A])
    async with (
        open_stream(message(guarded, f"channel={A}"), carrying(revoked)) as stream,
        open_stream(message(guarded, f"channel={A}"), carrying(other)) as lasting,
    ):
        begun = time.monotonic()
        await revoke(revoked, guarded_server)
        assert await ended(stream) == "revoked"
        assert time.monotonic() - begun < 10 * PATIENCE
        publish(guarded, A, {"message": "on"}, bearer(publish=[A]))
        assert len(await lasting.take(1)) == 1

    answer = ask(guarded, "/whoami", headers=carrying(revoked))
    assert (answer.status, answer.json["detail"]) == (401, "The token has been revoked.")


async def test_a_key_that_is_taken_out_takes_its_streams_along(guarded_server: RedisServer, tmp_path: Path) -> None:
    new = b"another secret of thirty-two bytes and more"
    sets = [json.loads(key_set(SECRET)), json.loads(key_set(new, "new"))]
    both = {"keys": [key for each in sets for key in each["keys"]]}
    with token_hub(guarded_server.url, tmp_path, "--ingest", "app.*") as hub:
        async with open_stream(message(hub, f"channel={A}"), bearer(subscribe=[A])) as stream:
            (tmp_path / "keys.json").write_text(json.dumps(both))
            assert await ended(stream) == "changed"
            assert ask(hub, "/whoami", headers=bearer(subscribe=[A])).status == 200
        (tmp_path / "keys.json").write_text(key_set(new, "new"))
        wait_until(lambda: ask(hub, "/whoami", headers=bearer()).status == 401, "the old key is believed no more")
        assert ask(hub, "/whoami", headers=carrying(token(secret=new, kid="new"))).status == 200


async def test_a_revocation_outlives_what_redis_loses(own_server: RedisServer, tmp_path: Path) -> None:
    revoked = token(subscribe=[A])

    def refused(hub: HubProcess) -> bool:
        return ask(hub, "/whoami", headers=carrying(revoked)).status == 401

    with token_hub(own_server.url, tmp_path) as hub, own_server.client() as client:
        assert not refused(hub)
        await revoke(revoked, own_server)
        wait_until(lambda: refused(hub), "the hub knows")

        client.config_set("maxmemory", "1")
        client.flushall()
        wait_until(lambda: "revocations_write_failed" in hub.output, "Redis takes nothing")
        assert refused(hub)
        client.config_set("maxmemory", "0")
        wait_until(lambda: bool(client.exists(REVOKED)), "it has it back")
        with token_hub(own_server.url, tmp_path) as later:
            assert refused(later)
        assert refused(hub)


def test_revocations_are_taken_off_when_no_clock_needs_them(own_server: RedisServer, tmp_path: Path) -> None:
    now = time.time()
    with own_server.client() as client:
        client.hset(REVOKED, mapping={"long ago": now - 7200, "just now": now - 5, "odd": "soon"})
        with token_hub(own_server.url, tmp_path) as hub:
            wait_until(lambda: not client.hexists(REVOKED, "long ago"), "it is taken off")
            assert ask(hub, "/whoami", headers=bearer()).status == 200

        assert set(client.hkeys(REVOKED)) == {b"just now", b"odd"}


async def test_a_ticket_is_worth_nothing_without_its_token(guarded: HubProcess, guarded_server: RedisServer) -> None:
    short, revoked = token(2, subscribe=[A]), token(subscribe=[A])
    tickets = [ticket_for(guarded, f"channel={A}", carrying(each)) for each in (short, revoked)]
    await revoke(revoked, guarded_server)

    def over() -> bool:
        return all(ask(guarded, "/whoami", headers=carrying(each)).status == 401 for each in (short, revoked))

    wait_until(over, "both tokens have ended")

    answers = [ask(guarded, f"/history?channel={A}&ticket={each}") for each in tickets]

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
        async with open_stream(message(hub, f"channel={A}&ticket={early}")) as stream:
            # By the same name: it is the key that a token was signed with, and no other.
            (tmp_path / "keys.json").write_text(key_set(new))
            assert await ended(stream) == "changed"

        assert ask(hub, "/whoami", headers=mine).status == 401
        assert ask(hub, f"/history?channel={A}&ticket={late}").status == 401


async def test_without_redis_a_ticket_is_told_to_come_back(own_server: RedisServer, tmp_path: Path) -> None:
    with token_hub(own_server.url, tmp_path) as hub:
        own_server.freeze()
        async with asyncio.timeout(DEADLINE_SECONDS):
            answer = await asyncio.to_thread(ask, hub, "/message?channel=log&ticket=x")
            issued = await asyncio.to_thread(ask, hub, "/ticket?channel=log", b"", bearer(subscribe=["log"]))
        own_server.thaw()

    assert (answer.status, issued.status) == (200, 503)
    assert b"retry: " in answer.body


def test_no_secret_gets_into_the_hubs_log(guarded: HubProcess) -> None:
    """Last of this file: what all the tests above have made the hub log."""
    secret = token(subscribe=[A])
    ticket = ticket_for(guarded, f"channel={A}", carrying(secret))
    ask(guarded, f"/message?channel={B}&ticket={ticket}")
    signed_in(guarded, secret + "x")

    assert "grant_ended" in guarded.output
    for text in (secret, ticket, "ticket=", "eyJ", SECRET.hex()):
        assert text not in guarded.output
