"""
Generated requests for every route of the OpenAPI document: the hub answers as documented, and leaks no stream, file or
memory. SSE_HUB_TEST_FUZZ_SECONDS sets the duration: `make test` takes one minute, beside all other tests; at full
scale it is an hour.
"""

import itertools
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode

import psutil
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sse_hub.http.routes.openapi import document
from tests.support.http_client import fetch
from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import DEADLINE_SECONDS, at_scale
from tests.support.tokens import bearer, token, token_hub
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

FUZZ_SECONDS = float(os.environ.get("SSE_HUB_TEST_FUZZ_SECONDS", at_scale(0, 3_600)))
EXAMPLES = at_scale(12, 100)
# Requests of a broken client or proxy: answered before any route that could document the response.
UNREADABLE = (400, 413, 414, 431)
MOST_GROWTH_BYTES = 24_000_000
# The tokens are made once and must stay valid: an unauthorized request would only test authorization.
TOKEN_SECONDS = int(FUZZ_SECONDS) + 3_600
Operation = schemathesis.APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Any]
SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS: list[Operation] = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
POSITIVE, NEGATIVE = MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
# Operations with parameters or a body, which can be wrong.
QUESTIONS = [each for each in OPERATIONS if {"parameters", "requestBody"} & set(each.definition.raw)]
EVERYTHING = bearer(seconds=TOKEN_SECONDS, subscribe=["*"], publish=["*"], operate=True)
signed_in = st.one_of(
    # Twice, to get past authorization.
    st.just(EVERYTHING),
    st.just(EVERYTHING),
    st.just(bearer(seconds=TOKEN_SECONDS, subscribe=["a*", "log"], publish=["a*"])),
    st.just({}),
    st.text("abcABC019._-+/= ", max_size=60).map(lambda text: {"Authorization": f"Bearer {text}"}),
    st.just({"Cookie": f"__Host-sse-hub={token(TOKEN_SECONDS, subscribe=['a*'])}", "Sec-Fetch-Site": "same-origin"}),
)


@pytest.fixture(scope="module")
def target(module_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A small hub, whose memory is soon full and cannot grow any more."""
    small = ("--ring-megabytes", "8", "--ring-lines", "100", "--retain-lines", "100")
    with token_hub(module_server.url, tmp_path_factory.mktemp("keys"), *small) as hub:
        wait_until(lambda: fetch(hub, "/health/ready", headers=EVERYTHING).json["recording"], "it records")
        yield hub


def test_no_generated_request_makes_the_hub_fail(target: HubProcess) -> None:
    process = psutil.Process(target.process.pid)
    answers: Counter[str] = Counter()
    begun = time.monotonic()
    spent, half_bytes = 0.0, 0
    for number in itertools.count():
        mode = MODES[number % len(MODES)]
        for operation in OPERATIONS if mode is POSITIVE else QUESTIONS:
            fuzz(target, operation, mode, number, answers)
        spent = time.monotonic() - begun
        if not half_bytes and spent > FUZZ_SECONDS / 2:
            half_bytes = process.memory_info().rss
        if number + 1 >= len(MODES) and spent > FUZZ_SECONDS:
            break

    def streams() -> int:
        return int(fetch(target, "/health/ready", headers=EVERYTHING).json["subscribers"])

    wait_until(lambda: streams() == 0, "no stream is left")
    # Its session, log and connection pools to Redis, and its listening socket.
    wait_until(lambda: process.num_fds() < 40, "no connection is left")
    end_bytes = process.memory_info().rss
    logger.info(
        "%d requests in %.0f s (%s), resident %.1f MB at half time and %.1f MB at the end, %d files open",
        answers.total(),
        spent,
        ", ".join(f"{count} x {what}" for what, count in sorted(answers.items())),
        half_bytes / 1e6,
        end_bytes / 1e6,
        process.num_fds(),
    )
    assert end_bytes - half_bytes < MOST_GROWTH_BYTES


def fuzz(
    hub: HubProcess, operation: Operation, mode: schemathesis.GenerationMode, number: int, answers: Counter[str]
) -> None:
    """One round of requests for one operation, the same for the same `number`. Counts the `answers`."""

    @seed(number)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode), signed_in)
    def send(case: Case, headers: dict[str, str]) -> None:
        if operation.path == "/message":
            answers[begin_stream(hub, case, headers)] += 1
            return
        response = case.call(base_url=hub.url, headers=headers, timeout=DEADLINE_SECONDS)
        answers[str(response.status_code)] += 1
        if response.status_code in UNREADABLE and mode is NEGATIVE:
            assert response.json()["detail"]
            return
        case.validate_response(response, checks=CHECKS)

    send()


def begin_stream(hub: HubProcess, case: Case, headers: dict[str, str]) -> str:
    """Open a stream and close it again. Returns the outcome, to be counted."""
    asked = case.as_transport_kwargs(base_url=hub.url)
    query = urlencode(asked["params"], doseq=True, errors="replace")
    extra = {name: str(text) for name, text in asked["headers"].items() if name.lower() == "last-event-id"}
    connection = HTTPConnection("127.0.0.1", hub.port, timeout=DEADLINE_SECONDS)
    try:
        connection.request("GET", f"/message?{query}", headers=headers | extra)
        answer = connection.getresponse()
        assert answer.status in (200, 401, 403, *UNREADABLE)
        if answer.status == 200:
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert answer.readline().startswith(b"id: ")
            return "a stream"
        return str(answer.status)
    except (ValueError, UnicodeError, HTTPException):
        # Requests that no client can send.
        assert not extra or not all(text.isprintable() and text.isascii() for text in extra.values())
        return "not sent"
    finally:
        connection.close()
