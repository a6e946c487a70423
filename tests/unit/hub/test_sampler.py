"""What the hub learns from sampled lines: errors, line templates, usual intervals."""

import json

import pytest

from sse_hub.config import Config
from sse_hub.formats.levels import ERROR
from sse_hub.formats.reader import read_line
from sse_hub.hub import registry as directory_module
from sse_hub.hub.channel import Channel
from sse_hub.hub.counters import Counters, Namespaces
from sse_hub.hub.ingest import Ingest
from sse_hub.hub.line_templates import LineTemplates, is_error
from sse_hub.hub.sampler import FORGET_SECONDS, MAX_BEHIND, MAX_TEMPLATES, LineSampler
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.lines import normalize
from sse_hub.protocol.selection import Selection
from tests.support.settings import ROOT

LIMIT = 1_048_576


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.seconds = 1_795_233_018.0

    def __call__(self) -> float:
        return self.seconds


def publish(ingest: Ingest, name: str, *payloads: str, at: int = 0) -> Channel:
    """Publish lines on a channel, which is added if it is new."""
    channel = ingest.registry.get(name.encode()) or ingest.registry.add(name, EventId(10, 0))
    ingest._append(channel, channel.batch(1, 10, [payload.encode() for payload in payloads], LIMIT, at))
    return channel


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ('{"level": "error", "message": "x"}', True),
        ('{"level":"ERROR"}', True),
        ('{"severity":"CRITICAL"}', True),
        ('{"levelname": "FATAL"}', True),
        ('{"log.level":"error"}', True),
        ('{"@l":"Error"}', True),
        ('{"level":50,"time":1,"msg":"x"}', True),
        ('{"text": "x", "record": {"level": {"icon": "x", "name": "ERROR", "no": 40}}}', True),
        ("2026-11-21 03:50:18.780 | ERROR    | api.db:get:17 - gone", True),
        ("[ERROR] gone", True),
        ('{"level": "info", "message": "no ERROR at all"}', False),
        ('{"level":5}', False),
        ('{"level":30}', False),
        ("INFO: the word is not an error", False),
        ("TERROR in the text", False),
        ('{"message": "level error"}', False),
    ],
)
def test_a_line_is_an_error_by_its_level(payload: str, error: bool) -> None:
    line, _ = normalize(payload.encode(), LIMIT)

    assert is_error(line) is error


@pytest.mark.parametrize(
    ("payload", "mask"),
    [
        ('{"message": "order 8348 paid by 203.0.113.7 in 12ms"}', "order # paid by # in #ms"),
        ('{"msg": "req 0190a5c8-1111-7222-8333-444455556666"}', "req #"),
        ('{"event": "0xff deadbeef 7fa3c91e"}', "# deadbeef #"),
        ('{"text": "a 1\\n", "record": {"level": {"no": 20}, "message": "inner 5\\nmore"}}', "inner #"),
        ("2026-11-21 03:50:18 plain 7", "plain #"),
        ("[2026-11-21 03:50:18,780: INFO/MainProcess] Task 7 done", "Task # done"),
        ('{"n": 12}', '{"n": #}'),
    ],
)
def test_a_line_template_is_a_message_without_its_variable_parts(payload: str, mask: str) -> None:
    line, _ = normalize(payload.encode(), LIMIT)

    assert LineTemplates().template_of(line) == mask


def test_no_error_of_the_known_formats_is_overlooked() -> None:
    """C10: the hub counts as errors what the page shows as errors."""
    cases = json.loads((ROOT / "tests/fixtures/formats.json").read_text(encoding="utf-8"))

    for case in cases:
        line, _ = normalize(case["line"].encode(), LIMIT)
        assert is_error(line) is (read_line(line.decode()).level >= ERROR), case["line"]


def test_errors_of_the_last_minute_are_counted_per_channel() -> None:
    clock, ingest = Clock(), Ingest(Config(), Counters())
    survey = LineSampler(ingest.registry, clock)
    api = publish(ingest, "api", '{"level":"error"}', '{"level":"info"}', '{"level":"error"}')
    mail = publish(ingest, "mail", '{"level":"info"}')

    survey.sample(10)
    survey.sample(10)
    assert (api.recent_errors, mail.recent_errors) == (2, 0)
    clock.seconds += 40
    publish(ingest, "api", '{"level":"fatal"}')
    survey.sample(10)
    assert api.recent_errors == 3
    clock.seconds += 40
    survey.sample(10)
    assert api.recent_errors == 1
    clock.seconds += 40
    survey.sample(10)

    assert api.recent_errors == 0
    assert api.directory_entry()["errors_last_minute"] == 0


async def test_line_templates_new_within_the_hour_are_listed_newest_first() -> None:
    clock, ingest = Clock(), Ingest(Config(), Counters())
    survey = LineSampler(ingest.registry, clock)
    publish(ingest, "api", '{"message": "order 1"}', '{"message": "order 2"}')
    survey.sample(10)
    clock.seconds += FORGET_SECONDS / 2
    publish(ingest, "api", '{"message": "order 3"}', '{"level": "error", "message": "new 1"}')
    publish(ingest, "mail", '{"message": "sent"}')
    survey.sample(10)
    everything = Selection.parse(["*"])

    found = await survey.newest_patterns(Selection.parse(["api"]), 10)
    assert [(each["pattern"], each["count"], each["error"]) for each in found] == [
        ("new #", 1, True),
        ("order #", 3, False),
    ]
    assert json.loads(str(found[0]["example"]))["message"] == "new 1"
    assert len(await survey.newest_patterns(everything, 10)) == 3
    assert len(await survey.newest_patterns(everything, 1)) == 1
    clock.seconds += FORGET_SECONDS / 2 + 1
    assert [each["pattern"] for each in await survey.newest_patterns(Selection.parse(["api"]), 10)] == ["new #"]
    # A template that was absent for an hour is new when it returns.
    clock.seconds += FORGET_SECONDS
    publish(ingest, "api", '{"message": "order 4"}')
    survey.sample(10)

    assert [(each["pattern"], each["count"]) for each in await survey.newest_patterns(everything, 10)] == [
        ("order #", 1)
    ]


def test_a_forgotten_channel_is_sampled_from_its_first_line_when_it_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directory_module, "FORGET_AFTER_SECONDS", -1)
    ingest = Ingest(Config(ingest=("other",)), Counters())
    survey = LineSampler(ingest.registry, Clock())
    publish(ingest, "log", *["{}"] * 5)
    survey.sample(10)
    ingest.registry.forget_later("log")
    assert ingest.registry.tick() == ["log"]

    again = publish(ingest, "log", *['{"level": "error"}'] * 8)
    survey.sample(10)

    assert again.recent_errors == 8


async def test_only_some_lines_of_a_flood_are_sampled_and_the_table_stays_bounded() -> None:
    clock, ingest = Clock(), Ingest(Config(), Counters())
    survey = LineSampler(ingest.registry, clock)
    words = [
        json.dumps({"message": "word " + "".join(chr(97 + n // 26**k % 26) for k in range(4))}) for n in range(9_000)
    ]
    publish(ingest, "flood", *words[:3_000])

    survey.sample(10)
    assert len(await survey.newest_patterns(Selection.parse(["flood"]), 9_000)) == MAX_BEHIND // 4
    for start in range(0, 9_000, 1_000):
        publish(ingest, "flood", *words[start : start + 1_000])
        survey.sample(10)

    assert len(await survey.newest_patterns(Selection.parse(["flood"]), 9_000)) == MAX_TEMPLATES
    # No time at all: nothing is sampled now, and later lines are sampled as usual.
    publish(ingest, "flood", '{"message": "last"}')
    survey.sample(0)
    survey.sample(10)
    assert (await survey.newest_patterns(Selection.parse(["flood"]), 1))[0]["pattern"] in (
        "last",
        *(json.loads(word)["message"] for word in words),
    )


def test_the_usual_interval_is_the_longest_recent_one_and_unknown_at_first() -> None:
    channel = Channel("api", Namespaces(), EventId(10, 0), 100, 0.0, recorded=True)
    for at in (1_000_000, 1_001_000, 1_011_000):
        channel.batch(1, 10, [b"{}"], LIMIT, at)
    assert channel.directory_entry()["usual_gap_seconds"] is None

    channel.batch(1, 10, [b"{}"], LIMIT, 1_012_000)
    assert channel.directory_entry()["usual_gap_seconds"] == 9.82
    for at in range(1_013, 1_400):
        channel.batch(1, 10, [b"{}"], LIMIT, 1000 * at)

    assert channel.typical_silence_seconds == pytest.approx(1.0, abs=0.1)
