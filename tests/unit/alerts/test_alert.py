"""Alerts: their ids, and their JSON."""

import pytest

from sse_hub.alerts.alert import Alert, alert_id

ALERT = Alert(
    id="0" * 32,
    rule="pay",
    version="1a2b",
    kind="fired",
    group=(("service", "pay"), ("zone", "eu")),
    text="10 × declined",
    count=10,
    channel="shop.orders",
    first="1732160000000-1",
    last="1732160001000-7",
    moment_ms=1732160001500,
    level="error",
    to=("ops",),
)


def test_an_alert_comes_back_from_its_json() -> None:
    assert Alert.from_json(ALERT.to_json()) == ALERT
    assert ALERT.group_text == "service=pay, zone=eu"


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"id": 1}', b"null"])
def test_what_is_no_alert_is_an_error(text: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Alert.from_json(text)


def test_an_id_depends_on_each_of_its_parts() -> None:
    ids = {
        alert_id("a", "1", "fired", [("s", "x")], "orders 5-1"),
        alert_id("b", "1", "fired", [("s", "x")], "orders 5-1"),
        alert_id("a", "2", "fired", [("s", "x")], "orders 5-1"),
        alert_id("a", "1", "back", [("s", "x")], "orders 5-1"),
        alert_id("a", "1", "fired", [("s", "y")], "orders 5-1"),
        alert_id("a", "1", "fired", [], "orders 5-1"),
        alert_id("a", "1", "fired", [("s", "x")], "orders 5-2"),
    }

    assert len(ids) == 7
    assert alert_id("a", "1", "fired", [("s", "x")], "orders 5-1") in ids
