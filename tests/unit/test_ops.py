"""The accounts for Redis, what `sse-hub top` shows, and what a check says."""

import pytest

from sse_hub.broker.acl import account, hub_rules, publisher_rules
from sse_hub.commands.check.finding import bad, good
from sse_hub.commands.top import HubStatus, render, totals_of
from sse_hub.errors import InvalidSetting
from tests.unit.test_docs import ROOT

MANUAL = (ROOT / "docs" / "operations.md").read_text()


def channel(name: str, rate: float) -> dict[str, object]:
    return {"name": name, "lines_per_second": rate, "lines": 7, "subscribers": 2, "last_line": None}


def directory(*channels: dict[str, object], **more: object) -> dict[str, object]:
    return {"ready": True, "recording": True, "channels": channels} | more


def test_an_account_begins_from_nothing_and_tells_no_password() -> None:
    made = account("hub", "secret", hub_rules(["app.*"]))

    assert made.command.startswith("ACL SETUSER hub reset on #")
    assert made.line.startswith("user hub on #")
    assert "secret" not in made.command
    assert "resetchannels &sse-hub:fence &app.*" in made.rules
    assert "@" not in made.rules, "no class of commands: only those that are needed"


@pytest.mark.parametrize("pattern", ["*", "sse-hub:fence", "sse*", "*fence"])
def test_publishers_never_have_the_channel_of_fences(pattern: str) -> None:
    with pytest.raises(InvalidSetting, match="forge"):
        publisher_rules([pattern])


def test_the_manual_has_the_rights_that_the_command_gives() -> None:
    for rule in hub_rules(["app.*"]).split():
        assert rule in MANUAL


def test_the_busiest_channel_is_on_top_and_rates_are_since_the_last_look() -> None:
    totals = {"sse_hub_lines_total received": 100.0, "sse_hub_recorder_lag_seconds": 1.0, "sse_hub_clients": 3.0}
    state = {"ready": True, "fence_age_seconds": 0.4}
    now = HubStatus(state, directory(channel("quiet", 0.0), channel("loud", 9.5)), totals)
    before = HubStatus(state, directory(), {"sse_hub_lines_total received": 80.0})

    lines = render(now, before, 2.0, 100, 7)

    assert "ready" in lines[0]
    assert "in 10/s" in lines[1]
    assert [line.split()[0] for line in lines[5:]] == ["loud", "quiet"]
    assert len(render(now, None, 1.0, 100, 6)) == 6


METRICS = """\
# TYPE sse_hub_lines counter
sse_hub_lines_total{channel_ns="a",stage="received",worker="0"} 30
sse_hub_lines_total{channel_ns="b",stage="received",worker="0"} 12
sse_hub_lines_total{channel_ns="a",stage="received",worker="1"} 30
sse_hub_lines_total{channel_ns="b",stage="received",worker="1"} 11
sse_hub_lines_total{channel_ns="a",stage="delivered",worker="0"} 60
sse_hub_lines_total{channel_ns="a",stage="delivered",worker="1"} 90
# TYPE sse_hub_recorder_lag_seconds gauge
sse_hub_recorder_lag_seconds{worker="0"} 1.25
sse_hub_recorder_lag_seconds{worker="1"} 0.75
# TYPE sse_hub_clients gauge
sse_hub_clients{worker="0"} 2
sse_hub_clients{worker="1"} 3
"""


def test_what_each_worker_has_of_all_is_not_added_up() -> None:
    totals = totals_of(METRICS)

    assert totals == {
        "sse_hub_lines_total received": 42.0,
        "sse_hub_lines_total delivered": 150.0,
        "sse_hub_recorder_lag_seconds": 1.25,
        "sse_hub_clients": 5.0,
    }


def test_what_may_not_be_seen_is_unknown_and_not_0() -> None:
    lines = render(HubStatus({"ready": True}, directory(ready=False, recording=False), {}), None, 1.0, 100, 20)

    assert lines[0] == "ready   Redis away   NOT RECORDING   fence ? ago   log ? behind"
    assert lines[1] == "? streams   0 channels   in ?   out ?   recorded ?"
    assert lines[2] == "gaps ?   slow closed ?   Redis errors ?   waiting ?   rings ?"
    assert "may operate" in lines[3]


def test_nothing_of_a_name_reaches_the_terminal_but_text() -> None:
    lines = render(HubStatus({}, directory(channel("a\x1b[2Jb", 1.0)), {}), None, 1.0, 100, 20)

    assert "\x1b" not in "".join(lines)
    assert "NOT READY" in lines[0]


def test_a_finding_is_a_line() -> None:
    assert good("redis", "fine").line == "ok   redis              fine"
    assert bad("redis", "away").line.startswith("BAD  redis")
