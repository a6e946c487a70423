"""What `sse-hub watch --filter` asks the hub for."""

import pytest

from sse_hub.commands.watch.filter_text import filter_text
from sse_hub.errors import InvalidSetting
from sse_hub.filters.compile import compile_filter
from sse_hub.filters.line import FilteredLine

LINES = {
    "d": '{"level": "debug", "message": "quick", "user": "u7"}',
    "w": '{"level": "warn", "message": "slow", "took": "900ms"}',
    "e": '{"info": "ERROR SLOW"}',
    "t": '{"info": "no level: a time out"}',
}


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ([], "dwet"),
        (["level>=warn"], "we"),
        (["LEVEL > warning"], "e"),
        (["level=debug"], "d"),
        (["level<=warn"], "dw"),
        (["Slow"], "we"),
        (["slow", "level<error"], "w"),
        (["slow OR time", " ", "-took:*"], "et"),
        (["level > "], ""),
        (["time out"], "t"),
        (["out time"], ""),
        (["Time Out "], "t"),
        (["slow level>=warn"], "we"),
        (["user=u7 OR took>800ms"], "dw"),
        (["-slow"], "dt"),
        (['"SLOW"'], "e"),
        (['"time" "a"'], "t"),
        (["/s.o/i -level=error"], "w"),
        (["channel=log"], "dwet"),
        (["channel=other"], ""),
        (["id=1-2"], "dwet"),
        (["after=-15m"], "dwet"),
        (["before=-15m"], ""),
    ],
)
def test_a_filter_passes_the_requested_lines(filters: list[str], passes: str) -> None:
    now = 1_795_262_400_000
    filter = compile_filter(filter_text(filters, now), now)

    shown = [
        name for name, line in LINES.items() if filter.matches(FilteredLine(line.encode(), "log", "1-2", now - 60_000))
    ]

    assert "".join(shown) == passes


def test_a_text_may_have_backslashes() -> None:
    line = FilteredLine(b'{"info": "C:\\\\Temp\\\\x"}')

    assert compile_filter(filter_text(["c:\\temp"]), 0).matches(line)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("level>=loud", "There is no level “loud”: trace, debug, .* \\(at character 1\\)"),
        ("a (b", "This bracket is never closed. \\(at character 3\\)"),
        ("user=", "A value must follow user="),
        ("x" * 5_000, "up to 4,096 characters"),
    ],
)
def test_a_mistake_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InvalidSetting, match=said):
        filter_text([text])
