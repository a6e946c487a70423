"""Alerts of the outbox are sent: in order, at least once, with their ids, however a destination behaves."""

import asyncio
import base64
import hmac
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL
from functools import partial
from typing import Any

import pytest
import redis

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.destination_queue import MAX_AGE_MS, MAX_WAITING
from sse_hub.alerts.destinations.parse import parse_destination
from sse_hub.alerts.sender import DestinationState
from tests.support.alert_outbox import KEYS, LEASE, SECRET_KEY, hook, is_at, marked, newest, put, until
from tests.support.alert_receiver import AlertReceiver, Request, alert_receiver
from tests.support.sending_program import sending
from tests.support.servers import RedisServer
from tests.support.settings import DEADLINE_SECONDS, ROOT


def check_signature(request: Request) -> None:
    """By the words of the specification, not by our code."""
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = base64.b64encode(hmac.new(SECRET_KEY, signed, "sha256").digest()).decode()
    assert expected in [each.removeprefix("v1,") for each in request.headers["webhook-signature"].split(" ")]
    assert abs(time.time() - int(request.headers["webhook-timestamp"])) < 300


async def test_a_webhook_gets_signed_alerts_in_order_and_each_once(
    module_server: RedisServer, outbox: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    with alert_receiver() as receiver:
        before = put(outbox, 3)
        put(outbox, to=("other",))
        async with sending(module_server.url, LEASE, {"ops": hook(receiver.url)}) as (sender, counters, channel):
            await until(lambda: len(receiver.requests) == 3, "what was there is sent")
            after = put(outbox, 120)
            await until(lambda: len(receiver.requests) == 123, "what comes is sent")
            await until(lambda: outbox.hget(KEYS.alert_sent, "ops") is not None, "it is marked")
            states = {each.name: each for each in await sender.states()}

    assert receiver.ids == before + after
    assert "alert_destination_unknown destination='other'" in caplog.text
    for request in receiver.requests:
        check_signature(request)
        assert request.path == "/hook" and request.headers["content-type"] == "application/json"
        assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert receiver.requests[0].json["data"]["id"] == before[0]
    assert counters.alerts_sent == {"ops": 123, "channel": 124}
    assert len(channel.alerts) == 124
    assert (states["ops"].kind, states["ops"].waiting, states["ops"].error) == ("webhook", 0, "")


async def test_a_successor_goes_on_where_the_last_one_was(module_server: RedisServer, outbox: redis.Redis) -> None:
    with alert_receiver() as receiver:
        ids: list[str] = []
        for expected in (5, 10, 10):
            if expected > len(ids):
                ids += put(outbox, 5)
            async with sending(module_server.url, LEASE, {"ops": hook(receiver.url)}):
                await asyncio.to_thread(receiver.wait, expected)
                await until(partial(is_at, outbox, "ops", newest(outbox)), "all are marked")

    assert receiver.ids == ids


async def test_a_process_killed_between_sending_and_marking_is_followed_by_a_repeat_with_the_same_id(
    module_server: RedisServer, outbox: redis.Redis
) -> None:
    ids = put(outbox, 12)
    with alert_receiver() as receiver:
        tables = json.dumps({"ops": hook(receiver.url)})
        command = [sys.executable, "-m", "tests.support.sending_program", module_server.url, LEASE, tables]
        for kills in range(3):
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=DEVNULL, stderr=DEVNULL)

            def kill(pid: int = process.pid, at: int = 3 * (kills + 1) + kills) -> None:
                # The request is here, and its answer is not there yet.
                if len(receiver.requests) == at:
                    os.kill(pid, signal.SIGKILL)

            receiver.on_request = kill
            async with asyncio.timeout(DEADLINE_SECONDS):
                assert await process.wait() == -signal.SIGKILL
        receiver.on_request = lambda: None
        async with sending(module_server.url, LEASE, {"ops": hook(receiver.url)}):
            await until(lambda: ids[-1] in receiver.ids, "the last one is sent")

    repeats = [at for at in range(1, len(receiver.ids)) if receiver.ids[at] == receiver.ids[at - 1]]
    assert len(repeats) == 3
    assert list(dict.fromkeys(receiver.ids)) == ids
    first, second = receiver.requests[repeats[0] - 1], receiver.requests[repeats[0]]
    assert first.body == second.body


async def test_another_session_of_the_same_process_begins_with_what_its_server_has(
    module_server: RedisServer, outbox: redis.Redis
) -> None:
    """The server that has taken over has not received all, and its clock is behind."""
    lease = [LEASE]
    ids = put(outbox, 2)
    with alert_receiver() as receiver:
        async with sending(module_server.url, lambda: lease[0], {"ops": hook(receiver.url)}):
            await until(lambda: len(receiver.requests) == 2, "all are sent")
            outbox.delete(KEYS.alerts, KEYS.alert_sent)
            ids += put(outbox, 1, id=f"{int(time.time() * 1000) - 60_000}-1")
            outbox.set(KEYS.lease, "me 2")
            lease[0] = "me 2"
            await until(lambda: len(receiver.requests) == 3, "what there is on the other server is sent")
            await until(partial(is_at, outbox, "ops", newest(outbox)), "it is marked there")

    assert receiver.ids == ids


async def test_only_the_process_with_the_lease_marks_or_removes_anything(
    module_server: RedisServer, outbox: redis.Redis
) -> None:
    put(outbox, 3)
    with alert_receiver() as receiver:
        async with sending(module_server.url, "another 1", {"ops": hook(receiver.url)}):
            await until(lambda: len(receiver.requests) >= 2, "it does not know yet, and sends")

    assert outbox.hgetall(KEYS.alert_sent) == {}
    assert outbox.xlen(KEYS.alerts) == 3


async def test_a_destination_that_is_away_or_fails_gets_all_in_order_and_holds_up_no_other(
    module_server: RedisServer, outbox: redis.Redis
) -> None:
    away = AlertReceiver()
    away.answers = [(503, {"retry-after": "3"}), (0, {}), (302, {"location": "http://127.0.0.1/"})]
    with alert_receiver() as well:
        ids = put(outbox, 6, to=("ops", "well"))
        tables = {"ops": hook(away.url), "well": hook(well.url)}
        async with sending(module_server.url, LEASE, tables) as (sender, counters, _):
            await until(lambda: len(well.requests) == 6, "the other one has all of them")
            await until(lambda: counters.alert_failures["ops"] >= 1, "this one has failed")
            assert sender.waiting()["ops"] == 6
            with away.listening():
                # It is back, asks for three seconds, hangs, and then leads elsewhere.
                await until(lambda: len(away.requests) == 3, "it is tried again and again")
                state = "6 It answered 302: redirects are not followed."
                await until(lambda: marked(outbox, "ops").endswith(f" {state}"), "its state is marked")
                assert [each for each in await sender.states() if each.name == "ops"] == [
                    DestinationState("ops", "webhook", 6, state.partition(" ")[2])
                ]
                # Now it would be tried in a minute; but an operator changes something.
                sender.use({"ops": parse_destination("ops", hook(away.url, body={"text": "{text}"}), {})})
                await until(lambda: len(away.requests) == 9, "it has all of them")

    assert well.ids == ids
    assert away.ids == [ids[0]] * 3 + ids
    moments = [int(each.headers["webhook-timestamp"]) for each in away.requests]
    assert moments[1] - moments[0] >= 3
    assert away.requests[-1].json == {"text": "text"}


async def test_what_is_too_old_or_too_much_is_given_up_and_told(
    module_server: RedisServer, outbox: redis.Redis
) -> None:
    old_ms = int(time.time() * 1000) - MAX_AGE_MS - 1000
    put(outbox, 2, id=f"{old_ms}-*", to=("ops", "mail"))
    put(outbox, 1, id=f"{old_ms + 1}-*", kind="given-up")
    with outbox.pipeline(transaction=False) as pipeline:
        put(pipeline, MAX_WAITING + 1, rule="loud")
        pipeline.execute()
    with alert_receiver() as mail:
        tables = {"ops": hook(AlertReceiver().url), "mail": hook(mail.url)}

        def told(destination: str) -> dict[str, Alert]:
            entries: Any = outbox.xrevrange(KEYS.alerts, count=20)
            alerts = [Alert.from_json(entry[b"a"]) for _, entry in entries]
            by_rule = {each.rule: each for each in alerts if each.group == (("destination", destination),)}
            return {rule: each for rule, each in by_rule.items() if each.kind == "given-up"}

        async with sending(module_server.url, LEASE, tables) as (_, counters, channel):
            await until(lambda: told("ops").keys() == {"pay", "loud"}, "what was old and what was too much is told")
            await until(lambda: told("ops")["pay"].id in mail.ids, "it is told to the other destination of the rule")

    old, much = told("ops")["pay"], told("ops")["loud"]
    assert (old.count, old.to, much.to) == (2, ("mail",), ())
    assert old.text == "2 alerts of the rule pay could not be sent to ops. They were tried for 24 h."
    assert 1_000 < much.count < 1_200
    assert much.text.endswith(f"More than {MAX_WAITING} were waiting. No connection could be made.")
    assert counters.alerts_given_up["ops"] == 3 + much.count
