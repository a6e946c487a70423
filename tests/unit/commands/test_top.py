"""What `sse-hub top` shows."""

import pytest

from sse_hub.commands.top import HubStatus, render, totals_of

AT = 1_795_233_018.0


def channel(name: str, rate: float, last_line: str | None = None) -> dict[str, object]:
    return {"name": name, "lines_per_second": rate, "lines": 7, "subscribers": 2, "last_line": last_line}


def directory(*channels: dict[str, object], **more: object) -> dict[str, object]:
    return {"ready": True, "recording": True, "channels": channels} | more


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


def test_top_lists_the_busiest_channel_first_with_rates_since_the_last_refresh() -> None:
    totals = {"sse_hub_lines_total received": 100.0, "sse_hub_recorder_lag_seconds": 1.0, "sse_hub_clients": 3.0}
    state = {"ready": True, "fence_age_seconds": 0.4}
    now = HubStatus(AT, state, directory(channel("quiet", 0.0), channel("loud", 9.5)), totals)
    before = HubStatus(AT, state, directory(), {"sse_hub_lines_total received": 80.0})

    lines = render(now, before, 2.0, 100, 7)

    assert "ready" in lines[0]
    assert "in 10/s" in lines[1]
    assert [line.split()[0] for line in lines[5:]] == ["loud", "quiet"]
    assert len(render(now, None, 1.0, 100, 6)) == 6


def test_values_that_every_worker_reports_for_all_are_not_summed() -> None:
    totals = totals_of(METRICS)

    assert totals == {
        "sse_hub_lines_total received": 42.0,
        "sse_hub_lines_total delivered": 150.0,
        "sse_hub_recorder_lag_seconds": 1.25,
        "sse_hub_clients": 5.0,
    }


def test_values_without_permission_are_shown_as_unknown_and_not_as_zero() -> None:
    lines = render(HubStatus(AT, {"ready": True}, directory(ready=False, recording=False), {}), None, 1.0, 100, 20)

    assert lines[0] == "ready   Redis away   NOT RECORDING   fence ? ago   log ? behind"
    assert lines[1] == "? streams   0 channels   in ?   out ?   recorded ?"
    assert lines[2] == "gaps ?   slow closed ?   Redis errors ?   waiting ?   rings ?"
    assert "may operate" in lines[3]


def test_control_characters_in_a_name_do_not_reach_the_terminal() -> None:
    lines = render(HubStatus(AT, {}, directory(channel("a\x1b[2Jb", 1.0)), {}), None, 1.0, 100, 20)

    assert "\x1b" not in "".join(lines)
    assert "NOT READY" in lines[0]


@pytest.mark.parametrize(
    ("last_line", "age"),
    [
        (None, "-"),
        ("2026-11-21T03:50:18.000Z", "0 s"),
        ("2026-11-21T03:50:20.000Z", "0 s"),
        ("2026-11-21T03:50:14.600Z", "3 s"),
        ("2026-11-21T03:49:18.000Z", "1 min"),
        ("2026-11-21T02:49:18.000Z", "1 h"),
        ("2026-11-01T03:50:18.000Z", "20 d"),
    ],
)
def test_every_row_fits_into_a_terminal_with_the_age_of_the_last_line(last_line: str | None, age: str) -> None:
    """I12: in 80 characters, as in a pipe, the last column was `2026-`."""
    busy = channel("a" * 128, 123_456.7, last_line) | {"lines": 99_999_999_999, "subscribers": 1_000_000}
    *_, head, row = render(HubStatus(AT, {}, directory(busy), {}), None, 1.0, 80, 20)

    assert head.endswith("LAST LINE")
    assert row.endswith(f" {age}")
    assert row.startswith("aaa")
    assert "123456.7 99999999999 1000000" in row
    assert len(head) == len(row) <= 80
