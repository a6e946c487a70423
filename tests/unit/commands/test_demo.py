import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from random import Random
from typing import TYPE_CHECKING

import pytest
from loguru import logger as everybodys_logger

from sse_hub.commands.demo.cpu import Load, cpu_steps
from sse_hub.commands.demo.failure import PaymentFailed, charge, traceback_text
from sse_hub.commands.demo.log import log_steps, loguru_line
from sse_hub.commands.demo.numbers import number_steps
from sse_hub.commands.demo.shop import rush, shop_steps
from sse_hub.commands.demo.step import Step, Steps

if TYPE_CHECKING:
    from loguru import Record

# loguru's default, which has colours besides: https://loguru.readthedocs.io/en/stable/api/logger.html
LOGURU_FORMAT = "{time:YYYY-MM-DD HH:mm:ss.SSS} | {level: <8} | {name}:{function}:{line} - {message}"
LOGURU_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \| ([A-Z]+) *\| [a-z.]+:[a-z]+:\d+ - \S.*")
LEVELS = {"TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"}


def noon() -> datetime:
    return datetime(2026, 11, 21, 12, 0, 0, 5_000, tzinfo=UTC)


def a_shop() -> Steps:
    return shop_steps(Random(1), noon)


def a_log() -> Steps:
    return log_steps(Random(1), noon)


def a_cpu() -> Steps:
    return cpu_steps(lambda: Load(12.5, [25.0, 0.0], 41.0))


def first(steps: Steps, seconds: float) -> list[Step]:
    """The lines that `steps` publish in their first `seconds`."""
    taken: list[Step] = []
    for step in steps:
        seconds -= step.pause_seconds
        if seconds < 0:
            break
        taken.append(step)
    steps.close()
    return taken


def record(step: Step) -> dict[str, object]:
    """The JSON object in a line."""
    value = json.loads(step.line)
    assert isinstance(value, dict)
    return value


def info(step: Step) -> str:
    """The loguru text in a line of the channel `log`."""
    return str(record(step)["info"])


@pytest.mark.parametrize("publisher", [a_shop, a_log, a_cpu, number_steps])
def test_every_demo_line_is_one_json_object_on_one_text_line(publisher: Callable[[], Steps]) -> None:
    for step in first(publisher(), seconds=200):
        assert record(step)
        assert len(step.line.splitlines()) == 1


@pytest.mark.parametrize(
    ("publisher", "channels"),
    [
        (a_shop, {"shop.api", "shop.orders", "shop.mail"}),
        (a_log, {"log"}),
        (a_cpu, {"cpu"}),
        (number_steps, {"numbers"}),
    ],
)
def test_each_demo_publisher_has_its_channels(publisher: Callable[[], Steps], channels: set[str]) -> None:
    assert {step.channel for step in first(publisher(), seconds=60)} == channels


def test_a_demo_order_shares_its_trace_id_across_three_channels() -> None:
    channels = defaultdict(list)
    for step in first(a_shop(), seconds=300):
        channels[record(step)["trace_id"]].append(step.channel)

    orders = [way for way in channels.values() if "shop.orders" in way]

    assert len(orders) > 20
    for way in orders[:-1]:  # the last one may be truncated
        assert way[0] == way[-1] == "shop.api"
        assert way.index("shop.orders") < way.index("shop.mail")


def test_the_first_request_of_a_shop_shows_all_three_channels() -> None:
    story = list(islice(a_shop(), 5))

    assert {step.channel for step in story} == {"shop.api", "shop.orders", "shop.mail"}
    assert len({record(step)["trace_id"] for step in story}) == 1


def test_a_shop_line_carries_zoned_time_level_logger_message_and_user() -> None:
    for step in first(a_shop(), seconds=60):
        line = record(step)

        assert line["time"] == "2026-11-21T12:00:00.005Z"
        assert line["logger"] == step.channel
        assert line["message"] and line["user"]


def test_shop_levels_run_from_debug_to_critical() -> None:
    levels = {record(step)["level"] for step in first(a_shop(), seconds=600)}

    assert levels == {"debug", "info", "warning", "error", "critical"}


def test_shop_failures_hold_real_tracebacks_of_several_lines() -> None:
    exceptions = [str(line["exception"]) for line in map(record, first(a_shop(), seconds=600)) if "exception" in line]

    assert len(exceptions) > 10
    assert {text.splitlines()[-1].split(":")[0].rpartition(".")[2] for text in exceptions} == {
        "KeyError",
        "PaymentFailed",
        "SoldOut",
    }
    for text in exceptions:
        assert text.startswith("Traceback (most recent call last):\n")
        assert text.count("\n") >= 5


def test_the_shops_response_line_has_the_duration_of_the_request() -> None:
    story = list(islice(a_shop(), 5))
    paused_ms = sum(step.pause_seconds for step in story[:-1]) * 1000

    duration_ms = record(story[-1])["duration_ms"]

    assert isinstance(duration_ms, float)
    assert paused_ms < duration_ms < paused_ms + 25


def test_two_shops_publish_about_five_lines_per_second_and_one_rush_per_minute() -> None:
    messages = [str(record(step)["message"]) for seed in (1, 2) for step in first(shop_steps(Random(seed), noon), 900)]

    in_rush = sum("/sale" in message for message in messages)
    rushes = sum(message.endswith(" visitor 1") for message in messages)

    assert 4 <= (len(messages) - in_rush) / 900 <= 6
    assert 10 <= rushes <= 20


@pytest.mark.parametrize("seed", range(10))
def test_a_rush_is_hundreds_of_lines_within_two_seconds(seed: int) -> None:
    steps = list(rush(Random(seed), noon))

    assert 200 <= len(steps) <= 400
    assert 0.5 <= sum(step.pause_seconds for step in steps) <= 2


def test_the_same_random_seed_gives_the_same_demo() -> None:
    assert first(a_shop(), seconds=120) == first(a_shop(), seconds=120)


def test_demo_log_lines_have_the_loguru_format() -> None:
    levels: Counter[str] = Counter()

    for step in first(a_log(), seconds=600):
        match = LOGURU_LINE.fullmatch(info(step).split("\n")[0])
        assert match, info(step)
        levels[match[1]] += 1

    assert set(levels) == LEVELS
    assert 1200 < levels.total() < 2400  # 2 to 4 per second


def test_demo_log_messages_contain_text_that_breaks_careless_parsers() -> None:
    messages = [info(step).split(" - ", 1)[1] for step in first(a_log(), seconds=200)]

    assert any("Visit 新增 id " in message for message in messages)
    assert any(" - " in message for message in messages)
    assert any("|" in message for message in messages)


def test_demo_log_exceptions_have_a_traceback_without_frames_of_the_demo_runner() -> None:
    exceptions = [info(step) for step in first(a_log(), seconds=600) if "\n" in info(step)]

    assert exceptions
    for text in exceptions:
        assert "\nTraceback (most recent call last):\n" in text
        assert "\x1b" not in text
        assert "log_steps" not in text


def test_demo_log_lines_equal_those_that_loguru_makes() -> None:
    """From the same time, level, place and text, with the traceback of an exception."""
    lines: list[str] = []
    times: list[datetime] = []
    handler_id = everybodys_logger.add(
        lambda message: lines.append(message.rstrip("\n")), format=LOGURU_FORMAT, backtrace=False, diagnose=False
    )

    def place(record: "Record") -> None:
        times.append(record["time"])
        record["name"], record["function"], record["line"] = "shop.pay", "capture", 57

    logger, text = everybodys_logger.patch(place), ""
    try:
        logger.success("first - | ☕")
        try:
            charge(1, 2.0)
        except PaymentFailed as error:
            logger.exception("not paid")
            text = f"not paid\n{traceback_text(error)}"
    finally:
        everybodys_logger.remove(handler_id)

    assert lines == [
        loguru_line(times[0], "SUCCESS", "shop.pay:capture:57", "first - | ☕"),
        loguru_line(times[1], "ERROR", "shop.pay:capture:57", text),
    ]


def test_the_numbers_demo_ends_with_closed_and_restarts_after_a_pause() -> None:
    steps = list(islice(number_steps(), 102))

    assert [step.line for step in steps[:100]] == [f'{{"n": {n}}}' for n in range(1, 101)]
    assert {step.pause_seconds for step in steps[:100]} == {0.1}
    assert (steps[100].line, steps[100].pause_seconds) == ('{"@event": "closed"}', 20.0)
    assert steps[101] == steps[0]


def test_the_cpu_demo_publishes_the_load_twice_per_second() -> None:
    step = next(a_cpu())

    assert step == Step("cpu", '{"cpu": 12.5, "per_core": [25.0, 0.0], "memory": 41.0}', 0.5)


def test_the_cpu_demo_publishes_nothing_on_systems_without_load_figures(caplog: pytest.LogCaptureFixture) -> None:
    def hidden() -> Load:
        raise PermissionError("/proc/stat")

    assert list(cpu_steps(hidden)) == []
    assert "/proc/stat" in caplog.text
