"""Recorders are killed while lines match: each match becomes an alert, once, in the order of the log."""

import json
from pathlib import Path
from typing import Any

from sse_hub.alerts.alert import alert_id
from sse_hub.alerts.rule import ALERT_CHANNEL
from sse_hub.alerts.rule_file import parse_rule_file
from tests.support.http_client import fetch
from tests.support.load import Id, publishing, wait_published
from tests.support.recording_hubs import (
    EVERY_LINE,
    kill,
    last_fence,
    recorded_seqs,
    recording_hubs,
    wait_recorder,
    watermark,
)
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import at_scale
from tests.support.waiting import wait_until

KILLS = at_scale(3, 20)
LINES_PER_SECOND = at_scale(500, 2_000)
LINES_BETWEEN_KILLS = at_scale(400, 4_000)
COUNT = 7
RULES = """
[rules.each]
channels = ["a", "b*"]
filter = 'seq~/[05]$/'
pause = "0s"
text = "{count} {seq}"

[rules.count]
channels = ["*"]
filter = 'seq~/0$/'
when = "count"
count = 7
within = "24h"
pause = "0s"
by = ["publisher"]
text = "{count} {publisher}"

[rules.never]
channels = ["*"]
filter = 'seq=-1'
"""


def told(hub: HubProcess) -> list[dict[str, Any]]:
    """The alerts that were made, in their order: each is a line, and the outbox is emptied as they are sent."""
    rows = fetch(hub, f"/export?channel={ALERT_CHANNEL}&format=ndjson").body.splitlines()
    return [json.loads(row) for row in rows if b'"alert"' in row]


def at_work(server: RedisServer, rule: str) -> bool:
    with server.client() as client:
        return bool(client.hexists("sse-hub:alert-state", rule))


def matches(server: RedisServer, ends: str) -> list[tuple[Id, str]]:
    """The lines of both channels whose numbers end so, in the order of the log."""
    lines = [(id, channel, seq) for channel in ("a", "b1") for id, seq in recorded_seqs(server, channel).items()]
    return [(id, channel) for id, channel, seq in sorted(lines) if str(seq)[-1] in ends]


def test_each_match_is_an_alert_once_and_in_order_while_recorders_are_killed(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    options = (*EVERY_LINE, "--rules", str(path))
    with recording_hubs(3, options) as (server, hubs, stack):
        wait_until(lambda: at_work(server, "each") and at_work(server, "count"), "the rules are at work")
        with publishing(server, "a", "b1", lines_per_second=LINES_PER_SECOND) as publisher:
            for _ in range(KILLS):
                wait_published(publisher, LINES_BETWEEN_KILLS)
                victim = wait_recorder(hubs)
                hubs.remove(victim)
                kill(victim)
                # With rings that are too small for a second, a hub evaluates what it reads from the log.
                small = (*options, "--ring-lines", "100")
                hubs.append(stack.enter_context(hub_process(server.url, *small, port=victim.port)))
            wait_published(publisher, LINES_BETWEEN_KILLS)
        publisher.finish()
        # What was published last has this fence in its ids; what is recorded by now may be less.
        end = last_fence(server)
        wait_until(lambda: watermark(server) > end, "all lines are recorded")
        expected, tens = matches(server, "05"), matches(server, "0")
        wait_until(
            lambda: len([1 for each in told(hubs[0]) if each["rule"] == "each"]) >= len(expected), "all are told"
        )
        made = told(hubs[0])

    version = parse_rule_file(RULES, lambda _, table: table).rules["each"].version
    each = [alert for alert in made if alert["rule"] == "each"]
    assert [(alert["line"], alert["channel"]) for alert in each] == [(str(id), channel) for id, channel in expected]
    assert [alert["alert"] for alert in each] == [
        alert_id("each", version, "fired", (), f"{channel} {id}") for id, channel in expected
    ]
    counts = [alert for alert in made if alert["rule"] == "count"]
    assert [alert["line"] for alert in counts] == [str(id) for id, _ in tens[COUNT - 1 :: COUNT]]
    assert {alert["message"] for alert in counts} == {f"{COUNT} only"}
