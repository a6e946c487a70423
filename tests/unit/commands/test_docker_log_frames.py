"""The engine's log is parsed the same way however it is split, and no output of an app can confuse the parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.commands.docker.log_frames import STDERR, STDOUT, LogMessage, MultiplexedDecoder, TerminalDecoder
from sse_hub.commands.docker.usage import parse_usage, stats_between
from sse_hub.errors import EngineUnavailable

NOON = 1795262400_000000000


def frame(stream: int, text: bytes) -> bytes:
    return bytes((stream, 0, 0, 0)) + len(text).to_bytes(4, "big") + text


def fed(decoder: MultiplexedDecoder | TerminalDecoder, data: bytes, cuts: list[int]) -> list[LogMessage]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    found = [message for a, b in zip(places, places[1:], strict=False) for message in decoder.feed(data[a:b])]
    return found + decoder.end()


@given(st.lists(st.integers(min_value=0), max_size=20))
def test_log_frames_are_complete_however_they_are_split(cuts: list[int]) -> None:
    data = (
        frame(STDOUT, b"2026-11-21T12:00:00.000000001Z one\n")
        + frame(STDERR, b"2026-11-21T13:00:00+01:00 two\n")
        + frame(STDOUT, b"2026-11-21T12:00:00.5Z in ")
        + frame(STDOUT, b"2026-11-21T12:00:01Z parts\n")
        + frame(0, b"2026-11-21T12:00:01Z 2026-11-21T12:00:01Z \n")
    )

    assert fed(MultiplexedDecoder(), data, cuts) == [
        LogMessage(STDOUT, NOON + 1, b"one", True),
        LogMessage(STDERR, NOON, b"two", True),
        LogMessage(STDOUT, NOON + 500_000_000, b"in ", False),
        LogMessage(STDOUT, NOON + 1_000_000_000, b"parts", True),
        LogMessage(STDOUT, NOON + 1_000_000_000, b"2026-11-21T12:00:01Z ", True),
    ]


STAMPS = [
    b"2026-11-21T12:00:00Z ",
    b"2026-11-21T12:00:01.123456789Z ",
    b"2026-99-99T00:00:00Z ",
    b"0001-01-01T00:00:00+23:59 ",
]
HEADS = [frame(STDOUT, STAMPS[0] + b"one\n"), frame(STDERR, b"two"), b"\x01\0\0\0\0\0\0\3", b"\x02\0\0\0"]


@given(
    st.lists(st.sampled_from([*STAMPS, *HEADS, b"\n", b"\r\n", b"x", b"\xff"]) | st.binary(max_size=4)).map(b"".join)
)
def test_any_bytes_are_the_same_messages_however_split_or_are_refused(data: bytes) -> None:
    for decoder in (MultiplexedDecoder, lambda: TerminalDecoder(16)):
        told: list[list[LogMessage] | None] = []
        for size in (len(data) + 1, 1, 3):
            try:
                told.append(fed(decoder(), data, list(range(0, len(data), size))))
            except EngineUnavailable:
                told.append(None)
        assert told[0] == told[1] == told[2]
        assert sum(len(message.text) for message in told[0] or []) <= len(data)


@pytest.mark.parametrize("data", [b"HTTP/1.1 500", b"\x01\0\0\0\xff\xff\xff\xff", b"\x07\0\0\0\0\0\0\1x"])
def test_bytes_that_are_not_a_container_log_are_refused(data: bytes) -> None:
    with pytest.raises(EngineUnavailable):
        MultiplexedDecoder().feed(data)


@given(st.lists(st.integers(min_value=0), max_size=20))
def test_terminal_lines_are_complete_however_they_are_split(cuts: list[int]) -> None:
    size = 100
    long = b"y" * (2 * size)
    data = b"2026-11-21T12:00:00Z one\r\n2026-11-21T12:00:01Z " + long + b"\n2026-11-21T12:00:02Z $ "
    stamp = len(b"2026-11-21T12:00:01Z ")

    found = fed(TerminalDecoder(size), data, cuts)

    assert [(message.time - NOON) // 1_000_000_000 for message in found] == [0, 1, 1, 1, 2]
    assert [message.ends_line for message in found] == [True, False, False, True, False]
    assert [len(message.text) for message in found[1:4]] == [size - stamp, size, stamp]
    assert (found[0].text, found[-1].text) == (b"one\r", b"$ ")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"2026-11-21T12:00:00Z pro2026-11-21T12:00:00Z mpt", b"prompt"),
        (b"2026-11-21T12:00:00.123456789Z $ 2026-11-21T12:00:00.223456789Z ls", b"$ ls"),
        (b"2026-11-21T12:00:00Z 2026-11-21T12:00:00Z INFO own", b"2026-11-21T12:00:00Z INFO own"),
        (b"2026-11-21T12:00:00Z at 2026-11-21T12:00:00Z it began", b"at 2026-11-21T12:00:00Z it began"),
        (b"2026-11-21T12:00:00Z since:2020-01-01T00:00:00.123456789Z old", b"since:2020-01-01T00:00:00.123456789Z old"),
        (b"no stamp", b"no stamp"),
    ],
)
def test_parts_of_a_terminal_line_are_joined_and_the_apps_own_times_stay(line: bytes, text: bytes) -> None:
    assert TerminalDecoder().feed(line + b"\n")[0].text == text


def test_a_time_printed_by_an_app_is_not_taken_for_the_engines() -> None:
    """If it were, a time a day in the future would make a restarted command wait for it."""
    decoder = TerminalDecoder()

    first, second = decoder.feed(b"2026-11-21T12:00:00Z x2100-01-01T00:00:00Z y\n2026-99-99T12:00:00Z z\n")

    assert (first.time, second.time) == (NOON, 0)


def test_container_figures_are_the_usage_between_two_samples() -> None:
    def answer(read: str, cpu: int) -> dict[str, object]:
        memory = {"usage": 50_000_000, "stats": {"inactive_file": 20_000_000}}
        return {"read": read, "cpu_stats": {"cpu_usage": {"total_usage": cpu}}, "memory_stats": memory}

    before = parse_usage(answer("2026-11-21T12:00:00.250000001Z", 1_000_000_000))
    now = parse_usage(answer("2026-11-21T12:00:02.25Z", 2_500_000_000))
    assert before
    assert now

    assert stats_between(before, now) == {"cpu_percent": 75.0, "memory_mb": 30.0}
    # It was restarted meanwhile.
    assert stats_between(now, before) is None


@pytest.mark.parametrize("record", [{}, {"read": "x"}, {"cpu_stats": None}, {"read": "2026", "memory_stats": {}}])
def test_a_stopped_container_has_no_figures(record: dict[str, object]) -> None:
    assert parse_usage(record) is None
