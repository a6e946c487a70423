"""Each alert of the outbox is a line of the channel of alerts, once, and nobody else publishes there."""

import json

from sse_hub.alerts.rule import ALERT_CHANNEL
from tests.support.alert_outbox import KEYS, is_at, newest, put
from tests.support.http_client import fetch, post
from tests.support.metrics import scrape
from tests.support.recording_hubs import EVERY_LINE
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.waiting import wait_until


def lines_of(hub: HubProcess) -> list[str]:
    """The ids of the alerts whose lines are in the log."""
    rows = fetch(hub, f"/export?channel={ALERT_CHANNEL}&format=ndjson").body.splitlines()
    return [json.loads(row)["alert"] for row in rows if b'"alert"' in row]


def test_each_alert_is_one_line_though_its_hub_is_killed_and_its_place_is_lost(own_server: RedisServer) -> None:
    with own_server.client() as client:
        with hub_process(own_server.url, *EVERY_LINE) as hub:
            ids = put(client, 60)
            wait_until(lambda: len(lines_of(hub)) > 20, "some alerts are lines")
            hub.process.kill()
        # As a failover may do it that loses what was written last, only more.
        client.delete(KEYS.alert_sent)
        with hub_process(own_server.url, *EVERY_LINE) as hub:
            ids += put(client, 5)
            wait_until(lambda: is_at(client, "channel", newest(client)), "all alerts are lines")

            assert lines_of(hub) == ids
            assert scrape(hub).get("sse_hub_alerts_sent_total", destination="channel") >= 5
            assert scrape(hub).get("sse_hub_alerts_waiting", destination="channel") == 0


def test_nobody_publishes_alerts_by_http(hub: HubProcess, recording: None) -> None:
    answer = post(hub, ALERT_CHANNEL, b'{"message":"forged"}')

    assert answer.status == 400
    assert "nobody else may publish there" in answer.json["detail"]
