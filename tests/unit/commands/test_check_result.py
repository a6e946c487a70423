"""The results of `sse-hub check`."""

from sse_hub.commands.check.result import bad, passed


def test_a_result_is_printed_as_one_line() -> None:
    assert passed("redis", "fine").line == "ok   redis              fine"
    assert bad("redis", "away").line.startswith("BAD  redis")
