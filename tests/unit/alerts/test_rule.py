"""Rules: what is allowed in one, as JSON and in a file, and what is refused with which words."""

import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from sse_hub.alerts.rule import parse_rule
from sse_hub.alerts.rule_file import parse_rule_file, rules_as_toml
from sse_hub.errors import InvalidRule

NESTED = "(" * 5_000
RULE: dict[str, Any] = {"channels": ["shop.*"], "filter": "event=payment.declined"}
FILE = """
[destinations.ops]
kind = "webhook"

[rules.payment-declined]
channels = ["shop.*"]
filter = 'event=payment.declined'
when = "count"
count = 10
within = "5m"
by = ["service"]
pause = "90s"
text = "{rule}: {count} × {message} ({service})"
to = ["ops"]

[rules.strange]
channels = ["a"]
filter = '''"\\" 😀" /\\d+"/'''
text = '''"quoted" \\ {{😀}}'''
paused = true
"""


def parsed_file(text: str) -> Mapping[str, Any]:
    return parse_rule_file(text, lambda _, table: table["kind"]).rules


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"when": "count", "count": 10, "within": "5m", "by": ["service"], "pause": "0s", "to": ["ops"]},
        {"when": "silence", "within": "90s", "paused": True},
        {"when": "rate", "factor": 2.5, "within": "10m", "usual": "7d", "count": 50},
        {"when": "rate"},
        {"when": "new", "text": "{message}"},
    ],
)
def test_a_rule_is_made_again_of_its_members_and_of_its_toml(more: dict[str, Any]) -> None:
    rule = parse_rule("a-1", RULE | more)

    assert parse_rule("a-1", rule.members()) == rule
    again = parse_rule("a-1", tomllib.loads(rules_as_toml([rule]))["rules"]["a-1"])
    assert again == rule
    assert again.version == rule.version
    assert parse_rule("a-1", RULE | more | {"pause": "7s"}).version != rule.version


def test_a_file_has_rules_and_destinations() -> None:
    rules = parsed_file(FILE)

    assert rules["payment-declined"].within_ms == 300_000
    assert rules["strange"].filter == '"\\" 😀" /\\d+"/'
    assert parsed_file("[destinations.ops]\nkind = 'webhook'\n\n" + rules_as_toml(rules.values())) == rules


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[rules.a]\nchannels = ['x']\nfliter = ''", "[rules.a]: 'fliter' is no member of a rule: channels, filter"),
        ("[rules.a]\nchannels = ['x']\nto = ['ops']", "destinations are: none is set up"),
        ("[rules.A]\nchannels = ['x']", "a name must be 1 to 64 small letters"),
        ("[destinations.ops]\nkind = 'x'\n[rules.a]\nchannels = ['x']\nto = ['oops']", "destinations are: ops"),
        ("[destinations.ops]\n", "[destinations.ops]: 'kind'"),
        ("[other]", "'other' must be one of rules, destinations"),
        ("rules = 5", "rules must be a table of tables"),
        ("rules = [1]", "rules must be a table of tables"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("x" * 1_000_001, "up to 1000000 are allowed"),
        ("".join(f"[rules.r{n}]\nchannels = ['x']\n" for n in range(201)), "it has 201 rules"),
        ("\x00", ""),
    ],
)
def test_a_file_that_is_wrong_is_refused(text: str, words: str) -> None:
    def parse_destination(name: str, table: Mapping[str, Any]) -> Any:
        if "kind" not in table:
            raise ValueError("'kind' is missing")
        return table

    with pytest.raises(ValueError) as refused:
        parse_rule_file(text, parse_destination)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("channels", [], "must be a list of names or patterns"),
        ("channels", "shop.*", "must be a list of texts"),
        ("channels", ["sse-hub.alerts"], "an alert would make the next one"),
        ("channels", ["sse-hub:fence"], "is reserved"),
        ("channels", ["a"] * 50 + [f"c{n}" for n in range(40)], "1 to 32 are allowed"),
        ("channels", ["a\nb"], "is not a channel name"),
        ("filter", NESTED, "A filter may have up to 4,096 characters"),
        ("filter", "(" * 100, "filter, from character"),
        ("filter", "level>=loud", "There is no level"),
        ("filter", "x~/(a+)+$/ after=-15m", "must not have after= or before="),
        ("filter", "-(a OR before=12:00)", "must not have after= or before="),
        ("filter", 5, "must be a text"),
        ("when", "always", "must be one of each, count, silence, rate, new"),
        ("by", ["a", "b", "c", "d", "e"], "has 5 entries; up to 4"),
        ("by", ["a\r\nHost: x"], "can't be the name of a field"),
        ("by", [["a"]], "must be a list of texts"),
        ("pause", "-5m", "must be a duration"),
        ("pause", "8d", "from 0s to 7d"),
        ("pause", 300, "must be a duration"),
        ("text", "", "it must have 1 to 500"),
        ("text", "x" * 501, "it must have 1 to 500"),
        ("text", "{" * 401, "'{' alone: write {{"),
        ("text", "{a", "'{' alone"),
        ("text", "a}", "'}' alone"),
        ("text", "{}", "only the name of a field"),
        ("text", "{count:>999999999}", "only the name of a field"),
        ("text", "{message!r}", "only the name of a field"),
        ("text", "{a[0]}", "only the name of a field"),
        ("text", "{a b}", "only the name of a field"),
        ("text", "{a{b}}", "alone"),
        ("text", "a\r\nBcc: all", "must be one line"),
        ("text", "a\u2028b", "must be one line"),
        ("text", "".join(f"{{f{n}}}" for n in range(21)), "has 21 names"),
        ("to", ["no"], "destinations are: ops"),
        ("to", ["../ops"], "destinations are: ops"),
        ("paused", "yes", "must be true or false"),
        ("count", 5, 'count is only for when = "count" or "rate", not for "each"'),
        ("__class__", 1, "is no member of a rule"),
        (5, 1, "is no member of a rule"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(member: str, value: Any, words: str) -> None:
    with pytest.raises(InvalidRule) as refused:
        parse_rule("a", RULE | {member: value}, ["ops"])
    assert words in str(refused.value)
    assert len(str(refused.value)) < 500
    assert refused.value.member == str(member)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"when": "count", "within": "5m"}, "count must be an integer from 1 to 100000"),
        ({"when": "count", "count": True, "within": "5m"}, "count must be an integer"),
        ({"when": "count", "count": 10**30, "within": "5m"}, "count must be an integer"),
        ({"when": "count", "count": 5}, "within must be a duration"),
        ({"when": "silence", "within": "0s"}, "within must be a duration"),
        ({"when": "rate", "factor": 1}, "factor must be a number from 1.1"),
        ({"when": "rate", "factor": float("nan")}, "factor must be a number"),
        ({"when": "rate", "within": "1h", "usual": "2h"}, "usual must be at least 10 times"),
        ({"when": "new", "within": "5m"}, 'within is only for when = "count" or "silence" or "rate"'),
    ],
)
def test_each_condition_has_its_own_members(more: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRule) as refused:
        parse_rule("a", RULE | more)
    assert words in str(refused.value)


@pytest.mark.parametrize("members", [None, [], "x", 5])
def test_a_rule_is_an_object(members: object) -> None:
    with pytest.raises(InvalidRule):
        parse_rule("a", members)


@pytest.mark.parametrize("id", ["", "A", "a" * 65, "a b", "a/b", "a\n", "ä", "../a"])
def test_an_id_is_a_plain_name(id: str) -> None:
    with pytest.raises(InvalidRule):
        parse_rule(id, RULE)


@pytest.mark.parametrize(
    ("filter", "at", "advice"),
    [
        ("level>=warn AND user=u7", 13, "side by side must all match"),
        ("level = error", 7, "without blanks"),
        ("status>=500 || took>1s", 13, "write OR"),
        ("x (a NOT b)", 6, "write -term"),
        ("user==u7", 1, "write = instead of =="),
        ("-user=~u7", 2, "write ~ instead of =~"),
        ("user='u7'", 1, "double quotes"),
        ("'timed out'", 1, "double quotes"),
    ],
)
def test_a_filter_of_another_language_would_never_fire_and_is_refused(filter: str, at: int, advice: str) -> None:
    with pytest.raises(InvalidRule, match=advice) as refused:
        parse_rule("a", RULE | {"filter": filter})

    assert f"from character {at}: " in str(refused.value)


@pytest.mark.parametrize(
    "filter", ['"AND" x', '"level = error"', "user=\"'u7'\" it's", "/a && b/", "a=b=c", "url~==", "and not or"]
)
def test_texts_that_only_look_like_another_language_are_taken(filter: str) -> None:
    assert parse_rule("a", RULE | {"filter": filter}).filter == filter
