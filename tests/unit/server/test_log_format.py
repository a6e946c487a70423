"""The hub's own log: one line per record, as text or JSON, without secrets."""

import json
import logging

import pytest

from sse_hub.server.log_format import HIDDEN, JsonLogFormatter, TextLogFormatter, secrets_of

PASSWORD = "hünter2/@"
URL = "rediss://hub:h%C3%BCnter2%2F%40@redis.example:6379/0"
SENTINEL_PASSWORD = "w8chter"
SENTINEL_URL = "redis+sentinel://s1/main?sentinel_password=w%38chter"
UNPRINTABLE = (
    "é 新\n2026-11-30 forged\r\u2028\u2029\0\x0b\x1b[31m\x7f\x85\x9b\u061c\u202e\u2066\u200b\ufeff\udcff\U000e0041"
)
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
    line = formatter.format(record("invalid_fence payload=%(payload)s", {"payload": UNPRINTABLE}))

    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert "é 新" in line


@pytest.mark.parametrize("formatter", [TextLogFormatter(), JsonLogFormatter()])
def test_an_error_message_cannot_start_a_log_record(formatter: logging.Formatter) -> None:
    """R2: nor a note, a cause or a part of a group."""
    error = ExceptionGroup(UNPRINTABLE, [KeyError(UNPRINTABLE), ValueError(UNPRINTABLE)])
    error.__cause__ = OSError(UNPRINTABLE)
    error.add_note(UNPRINTABLE)
    try:
        raise error
    except ExceptionGroup as raised:
        first, *more = formatter.format(record("task_died name=%(name)s", {"name": "x"}, error=raised)).split("\n")

    assert first.isprintable()
    assert all(line.isprintable() and line.startswith("  ") for line in more)
    assert "in test_an_error_message_cannot_start_a_log_record" in "".join([first, *more])


def test_what_is_escaped_in_a_json_record_is_the_same_when_it_is_read() -> None:
    line = JsonLogFormatter().format(record("invalid_fence payload=%(payload)s", {"payload": UNPRINTABLE}))

    assert json.loads(line)["payload"] == UNPRINTABLE


@pytest.mark.parametrize(
    "text",
    [
        f"can't connect to {URL}",
        f"AUTH hub {PASSWORD}",
        "redis://:abc@host",
        "GET /message?channel=a&ticket=abc&tail=1",
        "Authorization: Bearer abc",
        f"refused {TOKEN}",
        "redis+sentinel://:abc@s1,s2/main",
        "redis+sentinel://s1,s2/main?sentinel_password=abc",
        f"AUTH guard {SENTINEL_PASSWORD}",
    ],
)
@pytest.mark.parametrize("kind", [TextLogFormatter, JsonLogFormatter])
def test_no_secret_is_logged_wherever_it_occurs(text: str, kind: type[TextLogFormatter]) -> None:
    formatter = kind(secrets_of(URL, SENTINEL_URL, None))

    said = formatter.format(record("request_failed path=%(path)r", {"path": text}, error=ValueError(text)))

    assert said.count(HIDDEN) >= 2
    for secret in (PASSWORD, SENTINEL_PASSWORD, "h%C3%BCnter2%2F%40", "abc", TOKEN):
        assert secret not in said


def test_a_traceback_is_a_member_of_the_json_record() -> None:
    failed = ValueError("no")

    assert (
        "ValueError: no"
        in json.loads(JsonLogFormatter().format(record("task_died name=%(name)s", {"name": "x"}, error=failed)))[
            "exception"
        ]
    )
