"""Any log record becomes one JSON object."""

import json
import logging
import sys
import tracemalloc
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_hub.logging.formatter import LINE_BYTES, JsonFormatter, with_line_id


class Hostile:
    def __str__(self) -> str:
        raise ValueError("no text of mine")

    __repr__ = __str__


class Looping:
    def __str__(self) -> str:
        return str(self)


CIRCLE: dict[str, object] = {}
CIRCLE["inner"] = [CIRCLE]


def line_of(message: object, *args: object, **extra: object) -> dict[str, Any]:
    logger = logging.Logger("shop.api")
    record = logger.makeRecord("shop.api", logging.WARNING, "file", 1, message, args, None, extra=extra)
    line = JsonFormatter().line(record)
    assert b"\n" not in line
    return dict(json.loads(line))


def test_a_log_record_becomes_time_level_logger_message_and_extra_fields() -> None:
    before = datetime.now(UTC)
    line = line_of("Visit %s id %d", "新增", 8348, user="ana", place=("a", 1))

    time = datetime.fromisoformat(line.pop("time"))

    assert before <= time <= datetime.now(UTC)
    assert time.utcoffset() == UTC.utcoffset(None)
    assert line == {
        "level": "warning",
        "logger": "shop.api",
        "message": "Visit 新增 id 8348",
        "user": "ana",
        "place": ["a", 1],
    }


def test_times_of_different_seconds_are_formatted_separately() -> None:
    formatter = JsonFormatter()
    times = []
    for created in (1_795_233_018.25, 1_795_233_019.5, 1_795_233_018.75, 0.0):
        record = logging.makeLogRecord({"msg": "x"})
        record.created = created
        times.append(json.loads(formatter.format(record))["time"])

    assert times == [
        "2026-11-21T03:50:18.250000Z",
        "2026-11-21T03:50:19.500000Z",
        "2026-11-21T03:50:18.750000Z",
        "1970-01-01T00:00:00.000000Z",
    ]


def test_an_exception_is_formatted_with_its_traceback() -> None:
    try:
        raise KeyError("order")
    except KeyError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info(), "stack_info": "Stack: …"})

    line = json.loads(JsonFormatter().line(record))

    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith("KeyError: 'order'")
    assert line["stack"] == "Stack: …"


def test_attributes_set_by_another_formatter_are_not_extra_fields() -> None:
    record = logging.makeLogRecord({"msg": "x", "levelname": "INFO", "taskName": "Task-1"})
    logging.Formatter("%(asctime)s %(message)s").format(record)

    assert set(json.loads(JsonFormatter().line(record))) == {"time", "level", "logger", "message"}


def test_extra_fields_never_replace_our_own_fields() -> None:
    line = line_of("x", time=1, level=2, logger=3, exception=4, line_id=5, **{"@event": "deploy"})

    assert (line["level"], line["logger"], line["@event"]) == ("warning", "shop.api", "deploy")
    assert [line[f"{name}_"] for name in ("time", "level", "logger", "exception", "line_id")] == [1, 2, 3, 4, 5]


def test_a_dict_named_extra_becomes_extra_fields() -> None:
    line = line_of("x", extra={"user": "ana", "level": "of loguru's own"})

    assert (line["user"], line["level"], line["level_"]) == ("ana", "warning", "of loguru's own")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Hostile(), "<Hostile: str() raised ValueError>"),
        (Looping(), "<Looping: str() raised RecursionError>"),
        ([Hostile()], ["<Hostile: str() raised ValueError>"]),
        ({Hostile(): 1}, {"<Hostile: str() raised ValueError>": 1}),
        ("\ud83d\ude00 \ud800", "😀 \ufffd"),
        (10**30, "1" + "0" * 30),
        pytest.param(1 << 20_000, "0x1" + "0" * 5_000, id="more digits than str() gives"),
        (float("nan"), None),
        ({1: 2}, {"1": 2}),
        (object, "<class 'object'>"),
        (b"bytes", "b'bytes'"),
        (datetime(2026, 11, 21, tzinfo=UTC), "2026-11-21T00:00:00Z"),
    ],
)
def test_a_value_that_cannot_be_formatted_spoils_only_itself(value: object, shown: object) -> None:
    line = line_of("paid", value=value, user="ana")

    assert (line["message"], line["user"], line["value"]) == ("paid", "ana", shown)


@pytest.mark.parametrize(
    ("message", "args"),
    [("%d", ("x",)), ("%s", (Hostile(),)), ("%(a)s", ({},)), ("%s %s", ("one",)), (Hostile(), ())],
)
def test_a_message_with_wrong_arguments_is_shown_with_them(message: object, args: tuple[object, ...]) -> None:
    line = line_of(message, *args)

    assert line["logging_error"]
    assert line["level"] == "warning"


def test_circular_values_end() -> None:
    broad: list[object] = [10**30]
    broad += [broad] * 10

    assert line_of("x", value=CIRCLE)["message"] == "x"
    assert line_of("x", value=broad)["message"] == "x"


def doubled(value: object, times: int) -> object:
    for _ in range(times):
        value = [value, value]
    return value


@dataclass
class Order:
    parts: object


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(doubled("x", 200), id="lists, each twice in the next"),
        pytest.param(doubled(10**30, 200), id="with what orjson refuses"),
        pytest.param({"a": {"b": doubled(1, 60)}}, id="in a dict"),
        pytest.param(Order(doubled(1, 60)), id="in a dataclass"),
        pytest.param(["x" * LINE_BYTES] * 100_000, id="a long text, many times"),
        pytest.param({"x" * LINE_BYTES + str(key): 10**30 for key in range(20)}, id="long names"),
        pytest.param(list(range(5_000_000)), id="long"),
    ],
)
def test_a_value_with_an_endless_text_is_truncated(value: object) -> None:
    tracemalloc.start()
    line = line_of("x", value=value)
    args = line_of("%d %d", value)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert line["message"] == "x"
    assert "…" in json.dumps(line["value"], ensure_ascii=False)
    assert args["logging_error"]
    assert most_bytes < 40e6


def test_objects_that_contain_each_other_end() -> None:
    lists: list[list[object]] = [[10**30] for _ in range(12)]
    for each in lists:
        each += lists

    assert line_of("x", value=lists[0])["message"] == "x"


def test_a_value_that_fits_into_a_line_is_shown_in_full() -> None:
    numbers = list(range(50_000))

    assert line_of("x", value=[numbers])["value"] == [numbers]
    assert line_of("x", value=Order({"a": 1}))["value"] == {"parts": {"a": 1}}


def test_a_formatted_line_never_exceeds_the_hubs_line_limit() -> None:
    record = logging.makeLogRecord({"msg": "\0" * LINE_BYTES, "exc_text": "y" * LINE_BYTES, "levelname": "INFO"})

    line = JsonFormatter().line(record)

    assert len(line) <= LINE_BYTES
    assert json.loads(line)["truncated"]
    assert json.loads(line)["size"] > 6 * LINE_BYTES


@pytest.mark.parametrize(
    ("line", "record"),
    [
        (b'{"a":1}', {"a": 1, "line_id": "w-1"}),
        (b"{}", {"line_id": "w-1"}),
        (b"plain", {"message": "plain", "line_id": "w-1"}),
        (b"{no json}", {"message": "{no json}", "line_id": "w-1"}),
        (b"\xff", {"message": "\ufffd", "line_id": "w-1"}),
    ],
)
def test_the_line_id_is_the_last_member_of_any_formatters_line(line: bytes, record: object) -> None:
    marked = with_line_id(line, "w-1")

    assert json.loads(marked) == record
    assert marked.endswith(b'"line_id":"w-1"}')


values: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(Hostile),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner),
    max_leaves=10,
)


@settings(max_examples=40)
@given(message=values, args=st.lists(values).map(tuple), extra=st.dictionaries(st.text(min_size=1), values))
def test_any_record_becomes_one_json_object(
    message: object, args: tuple[object, ...], extra: dict[str, object]
) -> None:
    record = logging.makeLogRecord({"msg": message, "args": args, "levelname": "INFO"})
    vars(record).update({name: value for name, value in extra.items() if name not in vars(record)})
    line = JsonFormatter().line(record)

    assert isinstance(json.loads(line), dict)
    assert b"\n" not in line


@pytest.mark.parametrize("spoil", [{"created": None}, {"levelname": None}, {"exc_info": "x"}, {"args": 3}, {"name": 1}])
def test_a_broken_record_still_becomes_a_line(spoil: dict[str, object]) -> None:
    record = logging.makeLogRecord({"msg": "said", "levelname": "INFO"})
    vars(record).update(spoil)

    assert json.loads(JsonFormatter().line(record))["message"] == "said"
