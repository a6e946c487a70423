"""The results of `sse-hub check`."""

from sse_hub.commands.check.result import failed, passed


def test_a_result_is_printed_as_one_line() -> None:
    assert passed("redis", "fine").line == "ok   redis              fine"
    assert failed("redis", "away").line.startswith("FAIL redis")
