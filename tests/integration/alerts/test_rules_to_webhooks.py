"""From a rule file to a webhook: matches of rules are sent, whatever happens to recorders, to Redis and to the file."""

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sse_hub.alerts.alert import alert_id
from sse_hub.alerts.rule import ALERT_CHANNEL
from sse_hub.alerts.rule_file import parse_rule_file
from tests.support.alert_receiver import AlertReceiver, alert_receiver
from tests.support.http_client import fetch
from tests.support.load import Publisher, publish, running, wait_published
from tests.support.recording_hubs import (
    EVERY_LINE,
    kill,
    last_fence,
    recorded_seqs,
    restarted,
    wait_recorder,
    watermark,
)
from tests.support.servers import HubProcess, end, free_port, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, at_scale
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

# Before the webhook is away, while it is, and while it gets what has waited.
KILLS = (at_scale(1, 8), at_scale(0, 4), at_scale(1, 8))
RESTARTS = (at_scale(0, 1), 1, at_scale(0, 1))
SECONDS_AWAY = at_scale(1, 300)
# A fifth of them match: in five minutes fewer than may wait for a destination.
LINES_PER_SECOND = 100
LINES_BETWEEN_FAULTS = at_scale(150, 500)
HIDDEN = "hush-hush"
# The digit that a rule looks for, and the channel that has it.
RULES = {"tens": ("0", "a"), "fives": ("5", "b1")}


def rule_file(more: str = "") -> str:
    rules = "".join(
        f"""
[rules.{rule}]
channels = ["{channel}"]
filter = 'seq~/{digit}$/'
pause = "0s"
text = "{{seq}}"
to = ["ops"]
"""
        for rule, (digit, channel) in RULES.items()
    )
    return f"""
[destinations.ops]
kind = "webhook"
url_env = "OPS_URL"
allow_private = true
{more}
{rules}"""


def told(hub: HubProcess) -> list[tuple[str, str]]:
    """Rule and id of each alert on their channel."""
    rows = fetch(hub, f"/export?channel={ALERT_CHANNEL}&format=ndjson").body.splitlines()
    alerts = [json.loads(row) for row in rows if b'"alert"' in row]
    return [(alert["rule"], alert["alert"]) for alert in alerts]


def at_work(hub: HubProcess) -> bool:
    """Whether the rules of the file are."""
    return all(rule["state"]["at_work"] for rule in fetch(hub, "/rules").json["rules"])


def destinations(hub: HubProcess) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in fetch(hub, "/rules").json["destinations"]}


def of_rule(rule: str, alerts: list[tuple[str, str]]) -> list[str]:
    """The ids of a rule's alerts, in order, without repeats."""
    return list(dict.fromkeys(id for each, id in alerts if each == rule))


class Rig:
    """Two hubs with a rule file on a Redis that keeps what it has on disk, and a publisher."""

    def __init__(self, servers: ExitStack, stack: ExitStack, path: Path, url: str) -> None:
        self._servers, self._stack = servers, stack
        self._keeping = ("--appendonly", "yes", "--appendfsync", "always", "--dir", str(path.parent))
        self._options = (*EVERY_LINE, "--rules", str(path))
        self._environ = {"OPS_URL": url}
        self.server = servers.enter_context(redis_server(options=self._keeping))
        self.hubs = [self._hub() for _ in range(2)]
        self.publisher = Publisher(self.server, ["a", "b1"], LINES_PER_SECOND, "only", "")
        wait_until(lambda: at_work(self.hubs[0]), "the rules are at work")

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """It publishes for the duration of the block."""
        self.publisher.stopped.clear()
        with running(self.publisher):
            yield

    def break_things(self, kills: int, restarts: int) -> None:
        """Kill the recorder while lines come, and Redis right after some have."""
        for _ in range(restarts):
            with self.publishing():
                wait_published(self.publisher, LINES_BETWEEN_FAULTS)
            self.server = self._servers.enter_context(restarted(self.server, self._keeping))
            for hub in self.hubs:
                hub.wait_ready()
        with self.publishing():
            for _ in range(kills):
                wait_published(self.publisher, LINES_BETWEEN_FAULTS)
                victim = wait_recorder(self.hubs)
                self.hubs.remove(victim)
                kill(victim)
                self.hubs.append(self._hub(victim.port))

    def publish_for(self, seconds: int) -> None:
        """Publish for so long."""
        with self.publishing():
            for _ in range(seconds):
                wait_published(self.publisher, LINES_PER_SECOND)

    def finish(self) -> dict[str, list[str]]:
        """The ids of the alerts for all lines that are recorded by now, by rule, in the order of the log."""
        self.publisher.finish()
        fence = last_fence(self.server)
        wait_until(lambda: watermark(self.server) > fence, "all lines are recorded")
        return {rule: self._ids_of_matches(rule) for rule in RULES}

    def _ids_of_matches(self, rule: str) -> list[str]:
        digit, channel = RULES[rule]
        version = parse_rule_file(rule_file(), lambda _, table: table).rules[rule].version
        lines = recorded_seqs(self.server, channel).items()
        return [alert_id(rule, version, "fired", (), f"{channel} {id}") for id, seq in lines if str(seq)[-1] == digit]

    def _hub(self, port: int | None = None) -> HubProcess:
        hub = hub_process(self.server.url, *self._options, port=port, more_environ=self._environ)
        return self._stack.enter_context(hub)


def test_every_match_is_sent_in_order_whatever_is_killed_and_whoever_is_away(tmp_path: Path) -> None:
    """Recorders and Redis are killed before, while and after the webhook is away."""
    path = tmp_path / "rules.toml"
    path.write_text(rule_file())
    receiver = AlertReceiver()
    # Hubs end before their Redis.
    with ExitStack() as servers, ExitStack() as stack:
        rig = Rig(servers, stack, path, f"{receiver.url}/{HIDDEN}")
        hubs = rig.hubs
        with receiver.listening():
            rig.break_things(KILLS[0], RESTARTS[0])
            rig.publish_for(1)
        rig.break_things(KILLS[1], RESTARTS[1])
        rig.publish_for(SECONDS_AWAY)
        wait_until(lambda: bool(destinations(hubs[0])["ops"]["error"]), "it is away, and that is shown")
        assert destinations(hubs[1])["ops"]["waiting"] > 0
        # One that was wrong is not used, and what is wrong is said without the secret.
        path.write_text(rule_file("timeout = '1d'"))
        wait_until(lambda: "timeout must be" in (fetch(hubs[0], "/rules").json["error"] or ""), "it is refused")
        path.write_text(rule_file("timeout = '2s'"))
        with receiver.listening():
            rig.break_things(KILLS[2], RESTARTS[2])
            expected = rig.finish()
            count = sum(map(len, expected.values()))
            wait_until(lambda: len(told(hubs[0])) >= count, "all matches are told")
            # About 300 a second on a busy machine.
            wait_until(lambda: len(set(receiver.ids)) >= count, "all are sent", DEADLINE_SECONDS + SECONDS_AWAY)
            wait_until(lambda: destinations(hubs[0])["ops"]["waiting"] == 0, "none waits")
        on_channel = told(hubs[0])
        routes = ("/rules", "/metrics", "/rules.toml")
        shown = "".join(fetch(hub, route).body.decode() for hub in hubs for route in routes)
        logged = "".join(hub.output for hub in hubs)

    sent = [(each.json["data"]["rule"], each.alert_id) for each in receiver.requests]
    logger.info("%d lines, %d matches, %d requests", rig.publisher.begun, count, len(sent))
    assert {rule: of_rule(rule, sent) for rule in RULES} == expected
    assert {rule: of_rule(rule, on_channel) for rule in RULES} == expected
    assert len(on_channel) == count, "each is one line"
    assert len({(each.alert_id, each.body) for each in receiver.requests}) == count, "repeats are the same"
    assert HIDDEN not in shown + logged


def test_alerts_are_sent_again_after_redis_has_lost_everything(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(rule_file())
    with ExitStack() as stack:
        receiver = stack.enter_context(alert_receiver())
        environ = {"OPS_URL": receiver.url}
        port = free_port()
        with redis_server(port=port) as server:
            hub = stack.enter_context(hub_process(server.url, "--rules", str(path), more_environ=environ))
            wait_until(lambda: at_work(hub), "the rule is at work")
            publish(server, "a", '{"seq": 10}')
            receiver.wait(1)
        wait_until(lambda: not hub.ready(), "the hub has noticed")
        with redis_server(port=port) as server:
            hub.wait_ready()
            wait_until(lambda: hub.state()["recording"] and at_work(hub), "the rule has begun anew")
            publish(server, "a", '{"seq": 20}')
            wait_until(
                lambda: [each.json["data"]["text"] for each in receiver.requests] == ["10", "20"], "both are sent"
            )
            end(hub)
