"""The rules of docs/alerts.md, on two days of a shop: each fires when the page says so, and not before."""

import json
import re

import pytest

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.placed_line import PlacedLine
from sse_hub.alerts.rule_file import parse_rule_file
from sse_hub.alerts.rule_state import RuleState
from sse_hub.alerts.working_rules import WorkingRules
from tests.support.settings import ROOT

START = 1_700_006_400_000
MINUTE, HOUR = 60, 3_600
[BLOCK] = re.findall(r"<!-- rules -->\n```toml\n(.*?)```", (ROOT / "docs" / "alerts.md").read_text(), re.DOTALL)
RULES = parse_rule_file(BLOCK, lambda _, table: table).rules


class Shop:
    """Lines at moments, in seconds since START, taken through one of the rules; what it tells, in order."""

    def __init__(self, rule: str) -> None:
        self.told: list[str] = []
        self._rules = WorkingRules([RuleState(RULES[rule], START)], START)
        self._n = 0

    def line(self, seconds: int, channel: str, **members: object) -> None:
        self.fence(seconds)
        self._n += 1
        moment = START + seconds * 1000
        payload = json.dumps(members).encode()
        self._take(self._rules.feed(PlacedLine(moment, self._n, channel, payload, moment)))

    def fence(self, seconds: int) -> None:
        for alerts in self._rules.advance(START + seconds * 1000):
            self._take(alerts)

    def _take(self, alerts: list[Alert]) -> None:
        self.told += [f"{alert.kind}: {alert.text}" for alert in alerts]


def test_there_are_five() -> None:
    assert list(RULES) == ["many-errors", "gone-quiet", "new-error", "payment-declined", "disk-full"]


def test_errors_over_a_rate() -> None:
    shop = Shop("many-errors")
    for window in range(12, 36):
        for error in range(5):
            shop.line(window * 5 * MINUTE + error, "shop.api", level="error", message="timeout")
            shop.line(window * 5 * MINUTE + error, "shop.api", level="info", message="paid")
    assert shop.told == []
    for error in range(40):
        shop.line(36 * 5 * MINUTE + error, "shop.api", level="error", message=f"timeout {error}")
        shop.line(36 * 5 * MINUTE + error, "other", level="error", message="not the shop's")
    assert shop.told == ["fired: shop.api: 15 errors within 5 minutes, the last: timeout 14"]


def test_a_service_gone_quiet() -> None:
    shop = Shop("gone-quiet")
    for second in range(0, 10 * MINUTE, 30):
        shop.line(second, "shop.api", message=f"line {second}")
        if second < 2 * MINUTE:
            shop.line(second, "shop.mail", message=f"mail {second}")
    assert shop.told == ["fired: shop.mail has gone quiet; its last line was: mail 90"]
    shop.line(11 * MINUTE, "shop.mail", message="again")
    assert shop.told[1:] == ["back: shop.mail has gone quiet; its last line was: again"]


def test_a_new_error() -> None:
    shop = Shop("new-error")
    shop.line(0, "shop.api", level="error", message="order 17: no such card")
    shop.line(HOUR, "shop.api", level="error", message="order 18: no such card")
    shop.line(2 * HOUR, "shop.api", level="info", message="started")
    shop.line(3 * HOUR, "shop.api", level="error", message="disk of 10.0.0.7 is gone")
    assert shop.told == [
        "fired: new in shop.api: order 17: no such card",
        "fired: new in shop.api: disk of 10.0.0.7 is gone",
    ]


def test_a_payment_declined() -> None:
    shop = Shop("payment-declined")
    shop.line(0, "shop.pay", event="payment.declined", amount=250, user="u7")
    shop.line(1, "shop.pay", event="payment.declined", amount=99, user="u8")
    shop.line(2, "shop.pay", event="payment.declined", amount=100, user="u9")
    shop.line(3, "shop.pay", event="payment.accepted", amount=100, user="u9")
    shop.line(4, "shop.pay", event="payment.declined", amount=300, user="u1")
    assert shop.told == ["fired: 1 declined, the last: 250 of u7"]
    shop.fence(MINUTE)
    assert shop.told[1:] == ["fired: 2 declined, the last: 300 of u1"]


@pytest.mark.parametrize("percent", [91, "92", 90.5])
def test_a_disk_filling_up(percent: object) -> None:
    shop = Shop("disk-full")
    for hour in range(8):
        shop.line(hour * HOUR, "hosts", host="a", mount="/", disk_percent=percent)
        shop.line(hour * HOUR, "hosts", host="b", mount="/", disk_percent=50)
    assert shop.told[0] == f"fired: / of a is {percent} % full"
    assert len(shop.told) == 2
