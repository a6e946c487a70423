"""Conditions, groups and pauses, on lines with a clock of their own. A state can be cut and restored anywhere."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.message_pattern import MAX_PATTERNS, KnownPatterns, pattern_of
from sse_hub.alerts.placed_line import PlacedLine
from sse_hub.alerts.rule import AlertRule, parse_rule
from sse_hub.alerts.rule_state import MAX_GROUPS, TICK_GROUPS, RuleState, StateChanges
from sse_hub.alerts.working_rules import WorkingRules
from sse_hub.filters.line import FilteredLine
from tests.support.settings import at_scale

# A fence at the beginning of a minute, an hour and a day.
START = 1_700_006_400_000
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def rule_of(**members: Any) -> AlertRule:
    return parse_rule("r", {"channels": ["c"], "text": "{count} {message} {s}", "pause": "0s"} | members)


class Log:
    """Feeds a rule; moments are seconds since START. With `cut`, its state is restored after each step."""

    def __init__(self, rule: AlertRule, cut: bool = False) -> None:
        self.state = RuleState(rule, START)
        self.alerts: list[Alert] = []
        self._cut = cut
        self._parts: dict[str, bytes] = {}
        self._lines = 0

    def line(self, seconds: float, **members: Any) -> list[str]:
        self._lines += 1
        payload = json.dumps({"message": "m"} | members).encode()
        moment = START + round(seconds * 1000)
        alert = self.state.feed(FilteredLine(payload, "c", f"{START}-{self._lines}", moment))
        return self._take([alert] if alert else [])

    def tick(self, seconds: float) -> list[str]:
        fence = START + round(seconds * 1000)
        told = []
        while self.state.next_due_ms <= fence:
            told += self._take(self.state.tick(fence))
        return told

    def missed(self, after: float, before: float) -> None:
        self.state.missed(START + round(after * 1000), START + round(before * 1000))
        self._take([])

    def _take(self, alerts: list[Alert]) -> list[str]:
        if self._cut:
            head, parts = self.state.changes()
            self._parts |= {key: part for key, part in parts.items() if part is not None}
            self._parts = {key: part for key, part in self._parts.items() if parts.get(key, b"") is not None}
            self.state = RuleState.restore(self.state.rule, head, self._parts)
        self.alerts += alerts
        return [alert.text if alert.kind == "fired" else f"{alert.kind}: {alert.text}" for alert in alerts]


def test_each_match_fires() -> None:
    log = Log(rule_of(by=["s"]))

    assert log.line(0, message="a", s="x") == ["1 a x"]
    assert log.line(0, message="b", s="x") == ["1 b x"]
    [first, second] = log.alerts
    assert (first.first, first.last, first.channel, first.group) == (f"{START}-1", f"{START}-1", "c", (("s", "x"),))
    assert first.id != second.id
    assert first.moment_ms == START


def test_matches_during_a_pause_are_told_when_it_is_over() -> None:
    log = Log(rule_of(by=["s"], pause="1m"))

    assert log.line(0, message="a", s="x") == ["1 a x"]
    assert log.line(10, message="b", s="y") == ["1 b y"]
    assert log.line(20, message="c", s="x") == []
    assert log.line(30, message="d", s="x") == []
    assert log.tick(59) == []
    assert log.tick(60) == ["2 d x"]
    assert (log.alerts[-1].first, log.alerts[-1].last) == (f"{START}-3", f"{START}-4")
    assert log.tick(119) == []
    assert log.line(120, message="e", s="x") == ["1 e x"]


def test_a_count_within_a_window() -> None:
    log = Log(rule_of(when="count", count=3, within="1m", pause="5m"))

    assert log.line(0) == log.line(30) == []
    assert log.line(61) == []
    assert log.line(70) == ["3 m "]
    assert log.line(80) == log.line(81) == log.line(82) == []
    # They are out of the window when the pause is over.
    assert log.tick(370) == []
    assert log.line(380) == log.line(381) == []
    assert log.line(382) == ["3 m "]
    assert log.line(660) == log.line(670) == log.line(680) == []
    assert log.tick(682) == ["3 m "]


def test_a_silence_is_told_once_and_once_when_it_is_over() -> None:
    log = Log(rule_of(when="silence", within="5m", by=["s"]))

    assert log.tick(10 * MINUTE) == []
    assert log.line(10 * MINUTE, s="x") == []
    assert log.line(11 * MINUTE, s="y") == []
    assert log.tick(15 * MINUTE - 1) == []
    assert log.tick(15 * MINUTE) == ["0 m x"]
    assert log.alerts[-1].last == f"{START}-1"
    assert log.tick(15 * MINUTE + 30) == []
    assert log.tick(16 * MINUTE) == ["0 m y"]
    assert log.tick(60 * MINUTE) == []
    assert log.line(61 * MINUTE, s="x", message="again") == ["back: 0 again x"]
    assert log.line(62 * MINUTE, s="x") == []
    # After a day, a group that is gone for good is forgotten, and the other one is told anew.
    assert log.tick(3 * DAY) == ["0 m x"]
    assert log.line(3 * DAY, s="y") == []


def test_a_silence_begins_with_the_rule_and_leaves_out_what_was_missed() -> None:
    log = Log(rule_of(when="silence", within="5m"))

    log.missed(60, 10 * MINUTE)
    assert log.tick(14 * MINUTE - 1) == []
    assert log.tick(14 * MINUTE) == ["0  "]
    assert log.line(20 * MINUTE) == ["back: 0 m "]


def test_a_flapping_service_is_told_no_more_often_than_the_pause() -> None:
    log = Log(rule_of(when="silence", within="1m", pause="10m"))

    assert log.tick(60) == ["0  "]
    assert log.line(61) == ["back: 0 m "]
    assert log.tick(5 * MINUTE) == []
    assert log.line(6 * MINUTE) == []
    assert log.tick(10 * MINUTE + 59) == []
    assert log.tick(11 * MINUTE) == ["0 m "]


def test_a_rate_against_its_usual() -> None:
    log = Log(rule_of(when="rate", factor=3, within="1m", usual="10m", count=10))

    for minute in range(12):
        for second in range(4):
            assert log.line(minute * 60 + second) == []
    fired = [log.line(12 * MINUTE + second) for second in range(14)]
    assert fired == [[]] * 11 + [["12 m "]] + [[]] * 2
    assert log.alerts[0].first == f"{START}-49"
    # Once a window; and the usual rate has grown a little.
    fired = [log.line(13 * MINUTE + second) for second in range(17)]
    assert fired == [[]] * 14 + [["15 m "]] + [[]] * 2


def test_few_matches_are_no_high_rate_and_a_gap_is_no_low_one() -> None:
    log = Log(rule_of(when="rate", factor=2, within="1m", usual="10m", count=10))

    for minute in range(12):
        log.line(minute * 60)
    assert [log.line(12 * MINUTE + second) for second in range(9)] == [[]] * 9
    assert log.line(12 * MINUTE + 9) == ["10 m "]

    busy = Log(rule_of(when="rate", factor=3, within="1m", usual="10m", count=10))
    for minute in range(12):
        for second in range(10):
            busy.line(minute * 60 + second)
    busy.missed(12 * MINUTE, 60 * MINUTE)
    assert [busy.line(61 * MINUTE + second) for second in range(29)] == [[]] * 29
    quiet = Log(rule_of(when="rate", factor=3, within="1m", usual="10m", count=10))
    for minute in range(12):
        for second in range(10):
            quiet.line(minute * 60 + second)
    assert [text for second in range(29) for text in quiet.line(61 * MINUTE + second)] == ["10 m "]


def test_a_new_pattern() -> None:
    log = Log(rule_of(when="new", by=["s"]))

    assert log.line(0, message="order 17 failed", s="x") == ["1 order 17 failed x"]
    assert log.line(1, message="order 18 failed", s="x") == []
    assert log.line(2, message="order 18 failed", s="y") == ["1 order 18 failed y"]
    assert log.line(3, message="card 18 failed", s="x") == ["1 card 18 failed x"]
    # Seen now and then, it stays known.
    for day in range(20, 80, 20):
        assert log.line(day * DAY, message="order 19 failed", s="x") == []
    assert log.line(80 * DAY, message="card 19 failed", s="x") == ["1 card 19 failed x"]


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("order 17 of 10.0.0.7:8080 took 3.5ms", "order # of # took #ms"),
        ("user \"ana b\" and 'bob' don't match", "user # and # don't match"),
        ("id 123e4567-e89b-12d3-a456-426614174000 0xdeadBEEF 5f2d9c1be", "id # # #"),
        ("from fe80::1:2 to ana@example.org at 12:30:01", "from # to # at #"),
        ("deadline exceeded, added facade", "deadline exceeded, added facade"),
        ("a\n\t b", "a b"),
        ("x" * 10_000, "x" * 500),
        ('"' * 5_000, "#" * 250),
    ],
)
def test_a_pattern_is_what_messages_have_in_common(message: str, pattern: str) -> None:
    assert pattern_of(message) == pattern


@pytest.mark.parametrize("text", ["a@" * 5_000, "-" * 9_999, "0:" * 5_000, "'a" * 5_000, "1.1" * 4_000, "f" * 9_999])
def test_no_message_takes_long(text: str) -> None:
    assert len(pattern_of(text)) <= 500


def test_patterns_are_bounded_and_the_oldest_are_forgotten() -> None:
    known = KnownPatterns()
    for number in range(MAX_PATTERNS + 1):
        assert known.is_new(f"{number:x}", START)

    changes = known.changes()
    assert len(changes) == MAX_PATTERNS + 1
    assert list(changes.values()).count(None) == 1
    assert not known.is_new("1", START)
    assert known.is_new("0", START)


def test_what_is_due_for_many_groups_is_told_a_part_at_a_time() -> None:
    log = Log(rule_of(when="silence", within="1m", by=["s"]), cut=True)

    for number in range(100):
        log.line(0, s=number)
    assert len(log.state.tick(START + 60_000)) == TICK_GROUPS
    assert len(log.tick(60)) == 100 - TICK_GROUPS
    assert log.tick(61) == []


def test_a_rule_for_every_channel_does_not_look_at_alerts_or_at_what_came_before_it() -> None:
    rules = WorkingRules([RuleState(rule_of(channels=["*"]), START)], START)

    assert rules.watches("a")
    assert not rules.watches("sse-hub.alerts")
    assert rules.feed(PlacedLine(START, 1, "sse-hub.alerts", b"{}", START)) == []
    assert rules.feed(PlacedLine(START - 1, 9, "a", b"{}", START)) == []
    assert len(rules.feed(PlacedLine(START, 1, "a", b"{}", START))) == 1


def test_a_line_that_is_too_long_for_a_filter_is_counted() -> None:
    expression = "|".join("abcdefgh"[at % 8] * 9 for at in range(90))
    rules = WorkingRules([RuleState(rule_of(channels=["*"], filter=f"/{expression}/"), START)], START)

    assert rules.feed(PlacedLine(START, 1, "a", b"x" * 1_000_000, START)) == []
    [state] = rules
    assert (state.skipped, state.changed) == (1, 1)
    again = RuleState.restore(state.rule, *_complete(state.changes()))
    assert (again.skipped, again.changed, state.changed) == (1, 0, 0)


def test_groups_are_bounded_and_the_rest_is_one_group() -> None:
    log = Log(rule_of(by=["s"], pause="1m"))

    for number in range(MAX_GROUPS):
        assert log.line(0, s=number) == [f"1 m {number}"]
    assert log.line(0, s="late") == ["1 m late"]
    assert log.alerts[-1].group == (("s", "others"),)
    assert log.line(0, s="later") == []
    # Groups that are no news any more leave their places.
    assert log.tick(121) == ["1 m later"]
    assert log.line(122, s="late") == ["1 m late"]
    assert log.alerts[-1].group == (("s", "late"),)


@pytest.mark.parametrize("value", ["a\r\nb", "x" * 100_000, ["a", {"b": 1}], {"a": 1}, None, "\ud800", 10**30, True])
def test_a_group_is_text_of_one_line(value: Any) -> None:
    log = Log(rule_of(by=["s"]), cut=True)

    log.line(0, s=value)
    [(_, group)] = log.alerts[0].group
    assert group.isprintable()
    assert len(group) <= 200


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["line", "line", "line", "tick", "missed"]),
        st.integers(0, 200),
        st.sampled_from("xyz"),
        st.sampled_from(["a 1", "a 2", "b", "c c"]),
    ),
    max_size=60,
)
RULES = st.sampled_from(
    [
        {},
        {"pause": "1m"},
        {"pause": "10m", "when": "new"},
        {"when": "count", "count": 3, "within": "2m"},
        {"when": "count", "count": 2, "within": "10m", "pause": "5m"},
        {"when": "silence", "within": "1m"},
        {"when": "silence", "within": "3m", "pause": "10m"},
        {"when": "rate", "within": "1s", "usual": "10s", "count": 1, "factor": 1.1},
        {"when": "rate", "within": "30s", "usual": "20m", "count": 2, "factor": 1.5, "pause": "1m"},
    ]
)


@settings(max_examples=150, deadline=None)
@given(RULES, st.booleans(), STEPS)
def test_a_state_that_is_cut_anywhere_makes_the_same_alerts(
    members: dict[str, Any], grouped: bool, steps: list[tuple[str, int, str, str]]
) -> None:
    """A successor goes on from what was written down, after any line."""
    rule = rule_of(**members, by=["s"] if grouped else [])
    whole, cut = Log(rule), Log(rule, cut=True)

    now = 0
    for kind, seconds, group, message in steps:
        now += seconds
        for log in (whole, cut):
            if kind == "line":
                log.line(now, s=group, message=message)
            elif kind == "tick":
                log.tick(now)
            else:
                log.missed(now - seconds // 2, now)
    assert cut.alerts == whole.alerts
    assert len({alert.id for alert in whole.alerts}) == len(whole.alerts)


HOSTILE = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(str.encode),
    st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists).map(
        lambda value: json.dumps({"s": value, "message": value, "level": value}).encode()
    ),
    st.sampled_from([b"[" * 100_000, b'{"s":' * 100_000, b'{"s":' * 900 + b"1" + b"}" * 900, b'{"s":"\\ud800"}']),
)


@settings(max_examples=at_scale(60, 2_000), deadline=None)
@given(st.lists(HOSTILE, max_size=5))
def test_any_line_is_taken_by_rules_of_each_kind(payloads: list[bytes]) -> None:
    more: list[dict[str, Any]] = [
        {"when": "new"},
        {"when": "count", "count": 1, "within": "1m"},
        {"when": "silence", "within": "1m"},
        {},
    ]
    made = [parse_rule(f"r{at}", {"channels": ["*"], "by": ["s", "level"], **each}) for at, each in enumerate(more)]
    rules = WorkingRules([RuleState(rule, START) for rule in made], START)

    for at, payload in enumerate(payloads):
        for alert in rules.feed(PlacedLine(START, at, "c", payload, START)):
            assert Alert.from_json(alert.to_json()) == alert
    assert [state.matches for state in rules] == [len(payloads)] * len(made)
    assert [state.skipped for state in rules] == [0] * len(made)
    for state in rules:
        RuleState.restore(state.rule, *_complete(state.changes()))


def _complete(changes: StateChanges) -> tuple[bytes, dict[str, bytes]]:
    return changes.head, {key: part for key, part in changes.parts.items() if part is not None}


@pytest.mark.parametrize("head", [b"", b"[]", b'["x", 1, 2, 3, 4, 5]', b"5", b"null"])
def test_what_is_no_state_is_an_error(head: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        RuleState.restore(rule_of(), head, {})
