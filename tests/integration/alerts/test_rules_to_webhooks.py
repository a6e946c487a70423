"""From a rule file to a webhook: matches of rules are sent, whatever happens to recorders and to the file."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sse_hub.alerts.rule import ALERT_CHANNEL
from tests.support.alert_receiver import AlertReceiver, alert_receiver
from tests.support.http_client import fetch
from tests.support.load import publish, publishing, wait_published
from tests.support.recording_hubs import EVERY_LINE, kill, recording_hubs, wait_recorder
from tests.support.servers import HubProcess, end, free_port, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, at_scale
from tests.support.waiting import wait_until

KILLS = at_scale(2, 20)
LINES_PER_SECOND = 200
LINES_BETWEEN_KILLS = at_scale(300, 1_000)
# At full scale, five minutes.
SECONDS_AWAY = at_scale(1, 300)
HIDDEN = "hush-hush"


def rule_file(receiver: AlertReceiver, more: str = "") -> str:
    return f"""
[destinations.ops]
kind = "webhook"
url_env = "OPS_URL"
allow_private = true
{more}

[rules.tens]
channels = ["a"]
filter = 'seq~/0$/'
pause = "0s"
text = "{{seq}}"
to = ["ops"]
"""


def told(hub: HubProcess) -> list[str]:
    """The ids of the alerts on their channel."""
    rows = fetch(hub, f"/export?channel={ALERT_CHANNEL}&format=ndjson").body.splitlines()
    return [json.loads(row)["alert"] for row in rows if b'"alert"' in row]


def at_work(hub: HubProcess) -> bool:
    """Whether the rule of the file is."""
    return bool(fetch(hub, "/rules").json["rules"][0]["state"]["at_work"])


def destinations(hub: HubProcess) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in fetch(hub, "/rules").json["destinations"]}


def test_every_match_is_sent_in_order_while_recorders_are_killed_and_the_webhook_is_away(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    receiver = AlertReceiver()
    path.write_text(rule_file(receiver))
    options = (*EVERY_LINE, "--rules", str(path))
    environ = {"OPS_URL": f"{receiver.url}/{HIDDEN}"}
    with recording_hubs(0, options) as (server, hubs, stack):
        hubs += [stack.enter_context(hub_process(server.url, *options, more_environ=environ)) for _ in range(2)]
        wait_until(lambda: at_work(hubs[0]), "the rule is at work")
        with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
            with receiver.listening():
                for _ in range(KILLS):
                    wait_published(publisher, LINES_BETWEEN_KILLS)
                    victim = wait_recorder(hubs)
                    hubs.remove(victim)
                    kill(victim)
                    hubs.append(
                        stack.enter_context(hub_process(server.url, *options, port=victim.port, more_environ=environ))
                    )
            for _ in range(SECONDS_AWAY):
                wait_published(publisher, LINES_PER_SECOND)
            wait_until(lambda: bool(destinations(hubs[0])["ops"]["error"]), "it is away, and that is shown")
            assert destinations(hubs[1])["ops"]["waiting"] > 0
            # One that was wrong is not used, and what is wrong is said without the secret.
            path.write_text(rule_file(receiver, "timeout = '1d'"))
            wait_until(lambda: "timeout must be" in (fetch(hubs[0], "/rules").json["error"] or ""), "it is refused")
            path.write_text(rule_file(receiver, "timeout = '2s'"))
        publisher.finish()
        with receiver.listening():
            wait_until(lambda: len(told(hubs[0])) >= publisher.begun // 10, "all matches are told")
            ids = told(hubs[0])
            # About 300 a second on a busy machine.
            wait_until(lambda: set(ids) <= set(receiver.ids), "all are sent", DEADLINE_SECONDS + SECONDS_AWAY)
            wait_until(lambda: destinations(hubs[0])["ops"]["waiting"] == 0, "none waits")
        routes = ("/rules", "/metrics", "/rules.toml")
        shown = "".join(fetch(hub, route).body.decode() for hub in hubs for route in routes)
        logged = "".join(hub.output for hub in hubs)

    assert list(dict.fromkeys(receiver.ids)) == ids == list(dict.fromkeys(ids))
    assert HIDDEN not in shown + logged


def test_alerts_are_sent_again_after_redis_has_lost_everything(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    with ExitStack() as stack:
        receiver = stack.enter_context(alert_receiver())
        path.write_text(rule_file(receiver))
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
