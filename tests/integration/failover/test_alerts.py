"""Alerts while the partition moves to other servers: each recorded match is sent, in order."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from threading import Event, Thread

import pytest

from sse_hub.alerts.alert import alert_id
from sse_hub.alerts.rule_file import parse_rule_file
from tests.support.alert_receiver import alert_receiver
from tests.support.fault_setups import Setup, cluster_setup, sentinel_setup
from tests.support.http_client import fetch
from tests.support.recording_hubs import EVERY_LINE
from tests.support.servers import HubProcess, hub_processes
from tests.support.waiting import wait_until

SetupOf = Callable[[], AbstractContextManager[Setup]]
RULES = """
[destinations.ops]
kind = "webhook"
url = "{url}"
allow_private = true

[rules.tens]
channels = ["numbers"]
filter = 'seq~/0$/'
pause = "0s"
to = ["ops"]
"""


class Numbers:
    """Publishes numbered lines by HTTP, at each hub in turn, whatever becomes of them, until `stopped` is set."""

    def __init__(self, hubs: list[HubProcess]) -> None:
        self.last = 0
        self.stopped = Event()
        self._hubs = hubs

    def run(self) -> None:
        while not self.stopped.wait(0.01):
            self.last += 1
            hub = self._hubs[self.last % len(self._hubs)]
            fetch(hub, "/publish?channel=numbers", json.dumps({"seq": self.last}).encode())

    def wait_more(self) -> None:
        """Return when there are 50 more."""
        until = self.last + 50
        wait_until(lambda: self.last >= until, "lines are published")


def recorded(hub: HubProcess) -> list[tuple[str, str]]:
    """The ids of the recorded lines that match, in their order, with the ids of their alerts."""
    version = parse_rule_file(RULES, lambda name, table: table).rules["tens"].version
    rows = fetch(hub, "/history?channel=numbers&limit=5000").json["lines"]
    ids = [id for id, _, text, _ in rows if str(json.loads(text).get("seq", "")).endswith("0")]
    return [(id, alert_id("tens", version, "fired", (), f"numbers {id}")) for id in ids]


@pytest.mark.parametrize("setup_of", [sentinel_setup, cluster_setup], ids=["sentinel", "cluster"])
def test_each_recorded_match_is_sent_in_order_while_the_partition_moves(setup_of: SetupOf, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    with ExitStack() as stack:
        setup, receiver = stack.enter_context(setup_of()), stack.enter_context(alert_receiver())
        path.write_text(RULES.replace("{url}", receiver.url))
        options = (*EVERY_LINE, "--rules", str(path))
        hubs = stack.enter_context(hub_processes(2, setup.hub_url, *options))
        wait_until(lambda: fetch(hubs[0], "/rules").json["rules"][0]["state"]["at_work"], "the rule is at work")
        numbers = Numbers(hubs)
        thread = Thread(target=numbers.run)
        thread.start()
        try:
            for fault in setup.faults.values():
                numbers.wait_more()
                fault()
            numbers.wait_more()
        finally:
            numbers.stopped.set()
            thread.join()
        for hub in hubs:
            hub.wait_recording()
        expected = [id for _, id in recorded(hubs[0])]
        wait_until(lambda: set(expected) <= set(receiver.ids), "each match is sent")
        wait_until(lambda: fetch(hubs[0], "/rules").json["destinations"][1]["waiting"] == 0, "none waits")

    wanted = set(expected)
    assert len(expected) > 5 * len(setup.faults)
    # What was sent of lines that the last server does not have, comes in between.
    assert list(dict.fromkeys(id for id in receiver.ids if id in wanted)) == expected
