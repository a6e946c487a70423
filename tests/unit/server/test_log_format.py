"""The hub's own log: one line per record, as text or JSON, without secrets."""

import json
import logging

import pytest

from sse_hub.server.log_format import HIDDEN, JsonLogFormatter, TextLogFormatter, secrets_of

PASSWORD = "hünter2/@"
URL = "rediss://hub:h%C3%BCnter2%2F%40@redis.example:6379/0"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


def record(message: str, *values: object, error: BaseException | None = None) -> logging.LogRecord:
    trace = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("sse_hub.broker.session", logging.WARNING, __file__, 1, message, values, trace)


def test_a_log_event_becomes_a_json_object_with_its_values() -> None:
    line = JsonLogFormatter(pid=7).format(
        record(
            "backfill_failed error=%(error)r seconds=%(seconds).1f n=%(n)d",
            {"error": "no\nlog", "seconds": 1.5, "n": 3},
        )
    )

    assert "\n" not in line
    members = json.loads(line)
    assert members.pop("time").endswith("+00:00")
    assert members == {
        "level": "warning",
        "logger": "sse_hub.broker.session",
        "worker": 7,
        "event": "backfill_failed",
        "error": "no\nlog",
        "seconds": 1.5,
        "n": 3,
    }


def test_log_lines_of_libraries_become_messages() -> None:
    assert (
        json.loads(JsonLogFormatter().format(record("Task %s was destroyed", "x")))["message"] == "Task x was destroyed"
    )


@pytest.mark.parametrize("formatter", [TextLogFormatter(), JsonLogFormatter()])
def test_outside_text_cannot_start_a_log_record(formatter: logging.Formatter) -> None:
    line = formatter.format(record("invalid_fence payload=%(payload)s", {"payload": "a\nb\rc\u2028d\0e"}))

    assert len(line.splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"can't connect to {URL}",
        f"AUTH hub {PASSWORD}",
        "redis://:abc@host",
        "GET /message?channel=a&ticket=abc&tail=1",
        "Authorization: Bearer abc",
        f"refused {TOKEN}",
    ],
)
@pytest.mark.parametrize("kind", [TextLogFormatter, JsonLogFormatter])
def test_no_secret_is_logged_wherever_it_occurs(text: str, kind: type[TextLogFormatter]) -> None:
    formatter = kind(secrets_of(URL, None))

    said = formatter.format(record("request_failed path=%(path)r", {"path": text}, error=ValueError(text)))

    assert said.count(HIDDEN) >= 2
    for secret in (PASSWORD, "h%C3%BCnter2%2F%40", "abc", TOKEN):
        assert secret not in said


def test_a_traceback_is_a_member_of_the_json_record() -> None:
    failed = ValueError("no")

    assert (
        "ValueError: no"
        in json.loads(JsonLogFormatter().format(record("task_died name=%(name)s", {"name": "x"}, error=failed)))[
            "exception"
        ]
    )
