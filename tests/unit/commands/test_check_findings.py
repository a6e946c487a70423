"""The findings of `sse-hub check`."""

from sse_hub.commands.check.finding import bad, good


def test_a_finding_is_printed_as_one_line() -> None:
    assert good("redis", "fine").line == "ok   redis              fine"
    assert bad("redis", "away").line.startswith("BAD  redis")
