"""Programs beside the hub after a planned failover: tokens, tickets, idempotent posts, the canary and the check."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from sse_hub.broker.plain_publisher import PlainPublisher
from sse_hub.logging import Counts, RedisHandler
from sse_hub.logging.connection import RedisConnection
from tests.support.fault_setups import Setup, cluster_setup, sentinel_setup
from tests.support.http_client import fetch
from tests.support.logging_programs import published_lines
from tests.support.lying_sentinel import lying_sentinel
from tests.support.programs import clean_environ
from tests.support.servers import HubProcess, RedisServer, free_port, redis_server
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.sse_client import open_stream
from tests.support.tokens import A, bearer, keep_ticket, stream_url, ticket_for, token, token_header, token_hub
from tests.support.waiting import wait_until


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """`sse-hub` with `words`. AssertionError if it shows a traceback or the password "secret-pw"."""
    command = [sys.executable, "-m", "sse_hub.cli", *words]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environ(), capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr and "secret-pw" not in done.stdout + done.stderr, done
    return done


def post(hub: HubProcess) -> str:
    """The id that a line has, which is always posted with the same Idempotency-Key; "" if it is not recorded."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": "once", **bearer(publish=[A])}
    answer = fetch(hub, f"/publish?channel={A}", b'{"message": "once"}', headers)
    return str(answer.json["last_id"]) if answer.status == 200 else ""


def recorded(hub: HubProcess, channel: str) -> int:
    """How many lines of `channel` are in the log."""
    answer = fetch(hub, f"/history?channel={channel}&limit=5000", headers=bearer(subscribe=[channel]))
    return len(answer.json["lines"]) if answer.status == 200 else 0


@pytest.mark.parametrize("setup_of", [sentinel_setup, cluster_setup], ids=["sentinel", "cluster"])
async def test_tokens_tickets_posts_and_the_check_go_on_after_a_failover(
    setup_of: Callable[[], AbstractContextManager[Setup]], tmp_path: Path
) -> None:
    with setup_of() as setup, token_hub(setup.hub_url, tmp_path) as hub:
        wait_until(lambda: bool(post(hub)), "the hub records")
        posted, ticket = post(hub), ticket_for(hub, f"channel={A}", bearer(subscribe=[A]))
        keep_ticket(setup.ask, ticket, setup.partition)
        options = ("--url", hub.url, "--redis-url", setup.publisher_url, "--token", token(subscribe=["canary"]))
        with canary(*options) as report:
            wait_until(lambda: recorded(hub, "canary") > 0, "the canary publishes")
            setup.faults["planned"]()
            hub.wait_ready()
            wait_until(lambda: post(hub) == posted, "the hub knows what it has published")
            before = recorded(hub, "canary")
            wait_until(lambda: recorded(hub, "canary") >= before + 20, "the canary publishes again")
        async with open_stream(stream_url(hub, f"channel={A}&ticket={ticket}&tail=1")) as stream:
            assert [str(event.id) for event in await stream.take(1)] == [posted]
        shown = run("top", "--once", "--url", hub.url, "--token", token(subscribe=[A], operate=True)).stdout
        assert A in shown
        text = token(subscribe=[A])
        assert run("token", "revoke", "--redis-url", setup.url, text).returncode == 0
        wait_until(
            lambda: fetch(hub, f"/history?channel={A}", headers=token_header(text)).status == 401, "it is revoked"
        )
        checked = run(
            "check", "--redis-url", setup.hub_url, "--url", hub.url, "--channel", A, "--token", token(subscribe=[A])
        )

    assert (report["missing"], report["duplicated"], report["altered"]) == (0, 0, 0)
    assert report["received"] > 20
    assert checked.returncode == 0, checked.stdout


async def test_lines_that_nobody_has_received_are_published_again_where_the_hubs_are() -> None:
    """Sentinels leave the old primary of a planned failover as it is for seconds."""
    with (
        redis_server() as server,
        redis_server() as old,
        lying_sentinel("main", old.port, epoch=1) as sentinel,
    ):
        url = f"redis+sentinel://{sentinel.address}/main/0"
        handler, publisher = RedisHandler(url, "moving"), PlainPublisher(url)
        with published_lines(old, "moving") as before:
            handler.handle(logging.makeLogRecord({"msg": "before"}))
            handler.flush()
            await publisher.connect()
            assert (await publisher.publish([("moving", '{"message": "before"}')])).of_lines == [1]
        # The subscriber has left, as hubs do.
        sentinel.primary_port, sentinel.epoch = server.port, 2
        with published_lines(server, "moving") as after:
            handler.handle(logging.makeLogRecord({"msg": "after"}))
            handler.flush()
            lines = [("moving", '{"message": "after"}'), ("unread", "{}"), ("moving", '{"message": "last"}')]
            assert (await publisher.publish(lines)).of_lines == [1, 0, 1]
        handler.close()
        await publisher.close()

    assert [line["message"] for line in before] == ["before", "before"]
    assert [line["message"] for line in after] == ["after", "after", "last"]
    assert handler.counts == Counts(sent=2, dropped=0, unsure=0, waiting=0)


def test_programs_say_in_a_line_which_sentinel_has_no_answer_for_them(server: RedisServer) -> None:
    away = free_port()
    with lying_sentinel("main", server.port, epoch=1) as sentinel:
        for url, why in (
            (f"redis+sentinel://u:secret-pw@127.0.0.1:{away}/main/0", f"127.0.0.1:{away}: Error 111"),
            (f"redis+sentinel://u:secret-pw@{sentinel.address}/other/0", f"{sentinel.address}: No such master"),
            (f"redis+sentinel://u:secret-pw@{sentinel.address}/main/0", "invalid username-password pair"),
            (f"redis+cluster://u:secret-pw@127.0.0.1:{away}", f"127.0.0.1:{away}: Error 111"),
        ):
            sent = run("publish", "--wait", "0", "--redis-url", url, "log", "x")
            checked = run("check", "--redis-url", url)
            revoked = run("token", "revoke", "--redis-url", url, token())
            with pytest.raises(RedisError, match=re.escape(why)):
                RedisConnection(url).connect()

            assert (sent.returncode, checked.returncode, revoked.returncode) == (1, 1, 1)
            assert why in sent.stderr.splitlines()[-1]
            assert why in next(line for line in checked.stdout.splitlines() if line.startswith("BAD  redis "))
            [line] = revoked.stderr.splitlines()
            assert why in line


@contextmanager
def canary(*options: str) -> Iterator[dict[str, Any]]:
    """A canary for the duration of the block; its last report is there at the end."""
    command = [sys.executable, "-m", "sse_hub.cli", "canary", "--json", "--forever", *options]
    report: dict[str, Any] = {}
    with subprocess.Popen(command, cwd=ROOT, env=clean_environ(), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield report
            process.terminate()
            told, _ = process.communicate(timeout=DEADLINE_SECONDS)
            report |= json.loads(told.splitlines()[-1])
        finally:
            process.kill()
