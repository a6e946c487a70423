"""What a rule file may say of destinations, and that no secret is ever shown."""

import base64
import json
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import characters, text

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.backoff import wait_seconds
from sse_hub.alerts.destinations.alert_channel import line_of
from sse_hub.alerts.destinations.body import BodyTemplate
from sse_hub.alerts.destinations.kinds import create_destination
from sse_hub.alerts.destinations.parse import parse_destination
from sse_hub.alerts.destinations.secret import Secret
from sse_hub.alerts.destinations.sending import refusal
from sse_hub.alerts.destinations.signature import key_of, signed_headers
from sse_hub.alerts.destinations.webhook import payload_of
from sse_hub.alerts.given_up import given_up_alerts
from sse_hub.alerts.outbox import DestinationProgress
from sse_hub.errors import NotSent
from sse_hub.protocol.line_ids import SeenLineIds

HIDDEN = "hush-hush"
URL = f"https://user:{HIDDEN}@hooks.example/{HIDDEN}?key={HIDDEN}"
SECRET = "whsec_" + base64.b64encode(HIDDEN.encode() * 4).decode()


def alert(text: str = "text", **others: Any) -> Alert:
    values: dict[str, Any] = {
        "id": "0123456789abcdef", "rule": "pay", "version": "1", "kind": "fired", "group": (("service", "api"),),
        "text": text, "count": 3, "channel": "shop.api", "first": "1-1", "last": "1-3", "moment_ms": 1_700_000_000_123,
        "level": "error", "to": ("ops", "mail"),
    }  # fmt: skip
    return Alert(**values | others)


def parsed(environ: dict[str, str] | None = None, **table: Any) -> Any:
    return parse_destination("ops", table, environ or {})


def test_a_secret_comes_from_the_file_a_variable_or_another_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{URL}\n")

    for table in ({"url": URL}, {"url_env": "OPS"}, {"url_file": str(file)}):
        found = parsed({"OPS": URL, "KEY": SECRET}, kind="webhook", secret_env="KEY", **table)

        assert found.url == Secret(URL)
        assert found.secret.reveal() == SECRET
        assert HIDDEN not in f"{found!r} {found.url} {found.secret!s}"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "kind must be"),
    ({"kind": ["webhook"]}, "kind must be"),
    ({"kind": "webhook"}, "needs one of url, url_env, url_file"),
    ({"kind": "webhook", "url": URL, "url_env": "OPS"}, "url and url_env: one of them"),
    ({"kind": "webhook", "url": 7}, "url must be a text"),
    ({"kind": "webhook", "url": f"ftp://{HIDDEN}"}, "https:// or http://"),
    ({"kind": "webhook", "url": f"https://{HIDDEN}:99999/"}, "not from 1 to 65535"),
    ({"kind": "webhook", "url": f"https:///{HIDDEN}"}, "have a host"),
    ({"kind": "webhook", "url": f"https://[{HIDDEN}"}, "have a host"),
    ({"kind": "webhook", "url": f"https://a.example/{HIDDEN}\r\nX-Header: 1"}, "no blanks, line ends"),
    ({"kind": "webhook", "url": f"https://a.example/{HIDDEN * 1000}"}, "1 to 4096 characters"),
    ({"kind": "webhook", "url_env": "MISSING"}, "'MISSING', which is not set"),
    ({"kind": "webhook", "url_file": "/nowhere/url"}, "can't be read: No such file"),
    ({"kind": "webhook", "url": URL, "secret": HIDDEN}, "24 to 64 bytes in base64"),
    ({"kind": "webhook", "url": URL, "allow_private": "yes"}, "true or false"),
    ({"kind": "webhook", "url": URL, "timeout": "5m"}, "from 1s to 60s"),
    ({"kind": "webhook", "url": URL, "timeout": "soon"}, "such as 90s"),
    ({"kind": "webhook", "url": URL, "colour": "red"}, "'colour' is unknown; of kind webhook it may have kind, url"),
    ({"kind": "webhook", "url": URL, "body": "{text}"}, "body must be a table"),
    ({"kind": "webhook", "url": URL, "body": {"a": "{text.__class__!r}"}}, "only the name of a field may stand"),
    ({"kind": "webhook", "url": URL, "body": {"a": "{text"}}, "alone"),
    ({"kind": "webhook", "url": URL, "body": {"a": "{message}"}}, "{text} has what the rule made of it"),
    ({"kind": "webhook", "url": URL, "body": {"a": float("nan")}}, "may have texts, numbers"),
    ({"kind": "webhook", "url": URL, "body": {"a": [["{text}"] * 20] * 20}}, "at most 100 values"),
    ({"kind": "webhook", "url": URL, "body": {"a": [[[[[[[[[["x"]]]]]]]]]]}}, "at most 8 deep"),
    ({"kind": "apprise", "url": "exec:///bin/sh"}, "must begin with one of apprise, apprises"),
    ({"kind": "apprise", "url": "file:///etc/passwd"}, "must begin with one of"),
    ({"kind": "apprise", "url": "syslog://"}, "must begin with one of"),
    ({"kind": "apprise", "url": "dbus://"}, "must begin with one of"),
    ({"kind": "apprise", "url": f"https://{HIDDEN}.example/"}, "not complete for its service"),
    ({"kind": "apprise", "url": f"slack://{HIDDEN}"}, "not complete for its service"),
    ({"kind": "apprise", "url": "json://a.example", "secret": SECRET}, "'secret' is unknown"),
]


@pytest.mark.parametrize("table, told", WRONG)
def test_what_is_wrong_is_said_with_what_is_allowed_and_without_the_secret(table: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError) as error:
        parsed({"OPS": URL}, **table)

    assert told in str(error.value)
    assert HIDDEN not in str(error.value)


@pytest.mark.parametrize("name", ["channel", "Ops", "", "a" * 65, "a.b"])
def test_a_destination_has_a_short_name_of_its_own(name: str) -> None:
    with pytest.raises(ValueError, match="must be called"):
        parse_destination(name, {"kind": "webhook", "url": URL}, {})


@pytest.mark.parametrize(
    "kind, url",
    [
        ("slack", "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"),
        ("slack", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops"),
        ("discord", "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"),
        ("workflow", "workflow://x.logic.azure.com:443/643a8396-c2d0-4a9e-9a0e-8f8a8ab/abc-sig"),
        ("tgram", "tgram://123456789:abcdefg_hijklmnop/12315544/"),
        ("ntfy", "ntfy://ntfy.example/ops"),
        ("mailtos", "mailtos://user:secret@mail.example?to=ops@mail.example"),
        ("pagerduty", "pagerduty://A1BRTD4JD@TIiajkdnlazkcOXrIdevi7F"),
    ],
)
def test_the_services_that_people_use_most_are_understood(kind: str, url: str) -> None:
    assert create_destination(parsed(kind="apprise", url=url)).kind == kind


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)

    with pytest.raises(ValueError, match=r'pip install "sse-hub\[alerts\]"'):
        parsed(kind="apprise", url="ntfy://ntfy.example/ops")
    assert parsed(kind="webhook", url=URL)


def test_a_signature_is_that_of_standard_webhooks() -> None:
    """The example of https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python/tests."""
    key, body = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), b'{"test": 2432232314}'

    headers = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signed_headers(None, "a", 1, body) == {"webhook-id": "a", "webhook-timestamp": "1"}


def test_a_webhook_without_a_template_has_all_that_the_alert_says() -> None:
    payload = payload_of(alert(kind="back"))

    assert payload["type"] == "alert.back"
    assert payload["timestamp"] == "2023-11-14T22:13:20.123Z"
    assert payload["data"]["text"] == "text" and payload["data"]["group"] == {"service": "api"}
    assert "to" not in payload["data"]


@given(text(characters(codec="utf-8"), max_size=60))
def test_nothing_in_an_alert_changes_the_form_of_a_body(hostile: str) -> None:
    template = {"text": "{rule}: {text} ({service}, {nothing}) {{", "n": [5, True, "{count}"], "empty": ""}

    body = BodyTemplate(template).body_of(alert(hostile + '","admin":true,"x":"{id}'))

    found = json.loads(body)
    assert found.keys() == template.keys()
    assert found["n"] == [5, True, "3"] and found["empty"] == ""
    assert found["text"].startswith("pay: ") and found["text"].endswith("(api, ) {")
    assert '","admin":true,"x":"{id}' in found["text"]


def test_an_answer_says_whether_it_will_be_better_and_when() -> None:
    now = datetime(2026, 11, 30, tzinfo=UTC).timestamp()
    in_a_minute = format_datetime(datetime.fromtimestamp(now + 60, UTC), usegmt=True)

    assert [refusal(status, None, now).hopeless for status in (302, 400, 404, 410, 413, 422)] == [True] * 6
    assert [refusal(status, None, now).hopeless for status in (408, 425, 429, 500, 503)] == [False] * 5
    found = [refusal(503, header, now).wait_seconds for header in ("7", in_a_minute, "soon", "-1", "9" * 30, None)]
    assert found == [7.0, 60.0, 0.0, 0.0, 86_400.0, 0.0]
    assert "redirects are not followed" in str(refusal(302, None, now))


def test_waits_grow_to_five_minutes_or_fifteen_and_are_as_long_as_was_asked_for() -> None:
    def waits(error: NotSent, jitter: float) -> list[float]:
        return [wait_seconds(error, failures, lambda: jitter) for failures in (1, 2, 3, 9, 10, 2000)]

    assert waits(NotSent("away"), 0.0) == [1, 2, 4, 256, 300, 300]
    assert waits(NotSent("away"), 1.0) == [0.75, 1.5, 3, 192, 225, 225]
    assert waits(NotSent("no", hopeless=True), 0.0) == [60, 120, 240, 900, 900, 900]
    assert waits(NotSent("later", wait_seconds=1000), 1.0) == [1000] * 6


def test_what_was_given_up_is_told_once_for_each_rule_and_never_of_itself() -> None:
    lost = [alert(id="a"), alert(id="b", rule="disk"), alert(id="c", last="1-9"), alert(id="d", kind="given-up")]

    told = given_up_alerts("ops", lost, "They were tried for 24 h.", 5)

    assert [(each.rule, each.count, each.last, each.to) for each in told] == [
        ("pay", 2, "1-9", ("mail",)),
        ("disk", 1, "1-3", ("mail",)),
    ]
    assert told[0].text == "2 alerts of the rule pay could not be sent to ops. They were tried for 24 h."
    # Whoever gives up the same makes the same alert.
    assert [each.id for each in told] == [each.id for each in given_up_alerts("ops", lost, "", 9)]
    assert given_up_alerts("ops", told, "", 9) == ()


def test_an_alert_is_a_flat_line_with_its_id_where_readers_look_for_it() -> None:
    line = line_of(alert('a "quoted" text'))

    assert json.loads(line) == {
        "level": "error", "message": 'a "quoted" text', "rule": "pay", "alert": "0123456789abcdef", "kind": "fired",
        "group": "service=api", "count": 3, "channel": "shop.api", "line": "1-3", "line_id": "0123456789abcdef",
    }  # fmt: skip
    seen = SeenLineIds()
    assert [seen.is_repeat("sse-hub.alerts", line) for _ in range(2)] == [False, True]


@given(text(max_size=400))
def test_how_far_a_destination_is_comes_back_from_its_text(error: str) -> None:
    at = DestinationProgress("1700000000000-3", 7, error)

    assert DestinationProgress.from_text(at.to_text()) == at._replace(error=error[:300])
    # What is not understood is the beginning: sent again, not lost.
    assert DestinationProgress.from_text(f"x{at.to_text()}") == DestinationProgress()
