"""Rules over HTTP: who may make, change, see and try them, and what becomes of a rule file that is edited."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_client import Response, fetch
from tests.support.load import publish
from tests.support.recording_hubs import EVERY_LINE, recording_hubs, restarted
from tests.support.servers import HubProcess, RedisServer
from tests.support.tokens import HIDDEN, A, B, bearer
from tests.support.tokens import publish as publish_as
from tests.support.waiting import wait_until

NEW = {"If-None-Match": "*"}
RULE: dict[str, Any] = {"channels": [A], "filter": "event=declined", "pause": "0s", "text": "{message}"}
FILE = '[rules.one]\nchannels = ["a"]\npause = "0s"\n'


def operator() -> dict[str, str]:
    """A new token, as one lasts no longer than a few files of tests take."""
    return bearer(subscribe=["*"], publish=["*"], operate=True)


def of_alpha() -> dict[str, str]:
    return bearer(subscribe=[A], publish=[A], operate=True)


def put(hub: HubProcess, id: str, rule: Any, headers: dict[str, str]) -> Response:
    return fetch(hub, f"/rules/{id}", json.dumps(rule).encode(), headers, "PUT")


def remove(hub: HubProcess, id: str, version: str, headers: dict[str, str] | None = None) -> Response:
    return fetch(
        hub, f"/rules/{id}", None, (operator() if headers is None else headers) | {"If-Match": version}, "DELETE"
    )


def rules(hub: HubProcess, headers: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    return {rule["id"]: rule for rule in fetch(hub, "/rules", headers=headers).json["rules"]}


@pytest.fixture
def no_rules(guarded: HubProcess) -> Iterator[None]:
    yield
    for id, rule in rules(guarded, operator()).items():
        remove(guarded, id, rule["version"])


def test_a_rule_is_made_fires_is_changed_and_removed(guarded: HubProcess, no_rules: None) -> None:
    made = put(guarded, "declined", RULE, operator() | NEW)
    assert made.status == 201
    assert made.headers["etag"] == f'"{made.json["version"]}"'
    assert made.json["state"] == {"alerts": 0, "last_alert": None, "error": None, "at_work": True}
    assert made.json["source"] == "page"
    publish_as(guarded, A, {"event": "declined", "message": "card 7"}, operator())
    wait_until(lambda: rules(guarded, operator())["declined"]["state"]["alerts"] == 1, "the rule has fired")
    assert rules(guarded, operator())["declined"]["state"]["last_alert"]

    assert put(guarded, "declined", RULE, operator() | NEW).status == 409
    assert put(guarded, "declined", RULE, operator() | {"If-Match": "another"}).status == 409
    # As whoever changes one member of what the hub has shown.
    shown = rules(guarded, operator())["declined"] | {"paused": True}
    assert put(guarded, "another", shown, operator() | NEW).status == 400
    changed = put(guarded, "declined", shown, operator() | {"If-Match": made.headers["etag"]})
    assert (changed.status, changed.json["paused"]) == (200, True)
    assert not changed.json["state"]["at_work"]
    text = fetch(guarded, "/rules.toml", headers=operator())
    assert text.headers["content-type"] == "application/toml"
    assert '[rules.declined]\nchannels = ["app.alpha"]' in text.body.decode()

    assert remove(guarded, "declined", made.json["version"]).status == 409
    assert remove(guarded, "declined", changed.json["version"]).status == 200
    assert remove(guarded, "declined", changed.json["version"]).status == 404
    assert rules(guarded, operator()) == {}


@pytest.mark.parametrize(
    ("id", "body", "more", "status"),
    [
        ("x", json.dumps(RULE), {}, 400),
        ("x", json.dumps(RULE), {"If-Match": "*"}, 400),
        ("x", json.dumps(RULE), {"If-Match": "a", "If-None-Match": "*"}, 400),
        ("x", json.dumps(RULE), {"If-Match": "a"}, 404),
        ("X", json.dumps(RULE), NEW, 400),
        ("x%2F..%2Fy", json.dumps(RULE), NEW, 400),
        ("x", "no JSON", NEW, 400),
        ("x", "[" * 30_000, NEW, 400),
        ("x", "[]", NEW, 400),
        ("x", json.dumps(RULE | {"filter": "x~/(a|/"}), NEW, 400),
        ("x", json.dumps(RULE | {"text": "{0.__class__.__init__!r:>99}"}), NEW, 400),
        ("x", json.dumps(RULE | {"to": ["http://127.0.0.1"]}), NEW, 400),
        ("x", "x" * 40_000, NEW, 413),
    ],
)
def test_a_wrong_request_is_refused(guarded: HubProcess, id: str, body: str, more: dict[str, str], status: int) -> None:
    answer = fetch(guarded, f"/rules/{id}", body.encode(), operator() | more, "PUT")

    assert answer.status == status
    assert answer.json["detail"]
    assert "%2F" not in answer.json["detail"], "an id is shown as it was meant"
    assert rules(guarded, operator()) == {}


def test_nobody_sees_or_makes_a_rule_without_the_right_to_read_its_channels(
    guarded: HubProcess, no_rules: None
) -> None:
    of_both = RULE | {"channels": [A, B]}
    version = put(guarded, "both", of_both, operator() | NEW).json["version"]
    assert put(guarded, "alpha", RULE, of_alpha() | NEW).status == 201

    assert set(rules(guarded, operator())) == {"alpha", "both"}
    assert set(rules(guarded, of_alpha())) == {"alpha"}
    assert set(rules(guarded, bearer(subscribe=[A]))) == {"alpha"}
    assert "both" not in fetch(guarded, "/rules.toml", headers=of_alpha()).body.decode()
    assert remove(guarded, "both", version, of_alpha()).status == 403
    assert put(guarded, "both", RULE, of_alpha() | {"If-Match": version}).status == 403
    for channels in ([B], ["app.*"], ["*"]):
        assert put(guarded, "mine", RULE | {"channels": channels}, of_alpha() | NEW).status == 403
        tried = fetch(guarded, "/rules/test", json.dumps(RULE | {"channels": channels}).encode(), of_alpha())
        assert (tried.status, HIDDEN in tried.body.decode()) == (403, False)


def test_only_operators_change_rules_and_no_page_of_another_site(guarded: HubProcess) -> None:
    reader = bearer(subscribe=["*"], publish=["*"])
    for headers, status in (
        ({}, 401),
        (reader, 403),
        (operator() | {"Origin": "https://evil.example"}, 403),
        (operator() | {"Sec-Fetch-Site": "cross-site"}, 403),
    ):
        assert put(guarded, "x", RULE, headers | NEW).status == status
        assert remove(guarded, "x", "y", headers).status == status
        assert fetch(guarded, "/rules/test", json.dumps(RULE).encode(), headers).status == status
    assert rules(guarded, operator()) == {}


def test_a_trial_shows_what_a_rule_would_have_sent(guarded: HubProcess) -> None:
    for number in range(3):
        publish_as(guarded, A, {"event": "tried", "message": f"no {number}", "user": "u7"}, operator())

    rule = RULE | {"filter": "event=tried", "text": "{user}: {message}", "paused": True}
    tried = fetch(guarded, "/rules/test", json.dumps(rule).encode(), of_alpha())
    wrong = fetch(guarded, "/rules/test", json.dumps(rule | {"filter": "level>=loud"}).encode(), of_alpha())

    assert tried.status == 200
    assert (wrong.status, wrong.json["member"]) == (400, "filter")
    assert [alert["text"] for alert in tried.json["alerts"]] == ["u7: no 0", "u7: no 1", "u7: no 2"]
    assert tried.json["lines"] >= 3
    assert (tried.json["made"], tried.json["more"]) == (3, False)
    assert 3_590 <= tried.json["seconds"] <= 3_620
    assert rules(guarded, operator()) == {}


def test_an_edited_rule_file_takes_effect_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(FILE)
    with recording_hubs(1, (*EVERY_LINE, "--rules", str(path))) as (server, [hub], _):

        def fired(id: str) -> int:
            return int(rules(hub).get(id, {"state": {"alerts": -1}})["state"]["alerts"])

        wait_until(lambda: "one" in rules(hub) and rules(hub)["one"]["state"]["at_work"], "the rule is at work")
        publish(server, "a", '{"message": "first"}')
        wait_until(lambda: fired("one") == 1, "the rule has fired")
        path.write_text(FILE + "\n[rules.two]\nchannels = [1]\n")
        wait_until(lambda: "must be a list of texts" in str(fetch(hub, "/rules").json["error"]), "it is told")
        publish(server, "a", '{"message": "second"}')
        wait_until(lambda: fired("one") == 2, "the old rule goes on")
        assert hub.status("/health/ready") == 200
        path.write_text(FILE.replace("one", "two"))
        wait_until(lambda: set(rules(hub)) == {"two"}, "the rules are those of the file")
        wait_until(lambda: bool(rules(hub)["two"]["state"]["at_work"]), "the new rule is at work")
        publish(server, "a", '{"message": "third"}')
        wait_until(lambda: fired("two") == 1, "the new rule has fired")
        assert put(hub, "two", RULE, {"If-Match": rules(hub)["two"]["version"]}).status == 409
        with server.client() as client:
            assert set(client.hkeys("sse-hub:alert-state")) == {b"", b"two"}
            assert not client.exists("sse-hub:alert-groups:one")
        # All is lost in Redis: the rule of the file begins anew.
        with restarted(server) as empty:
            wait_until(lambda: at_work_in(empty, "two"), "the rule is at work again")
            publish(empty, "a", '{"message": "fourth"}')
            wait_until(lambda: fired("two") == 1, "the rule has fired again")


def at_work_in(server: RedisServer, rule: str) -> bool:
    with server.client() as client:
        return bool(client.hexists("sse-hub:alert-state", rule))
