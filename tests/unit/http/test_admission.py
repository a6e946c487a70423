"""The limits of one sender, and how a request over a limit is refused."""

from collections import Counter

import pytest

from sse_hub.config import Config
from sse_hub.errors import LimitExceeded
from sse_hub.history.query import MAX_BYTES
from sse_hub.http import admission as module
from sse_hub.http.admission import (
    BODY_BYTES,
    CONNECTIONS_FACTOR,
    MIN_CONNECTIONS,
    RESPONSE_BYTES,
    RESPONSE_BYTES_PER_SENDER,
    AdmissionControl,
    StreamSlot,
)
from sse_hub.http.shared_counters import SharedCounters
from sse_hub.hub.registry import MAX_CHANNELS_HELD, MAX_CHANNELS_KNOWN
from tests.support.settings import ROOT

MEGABYTE = 1024 * 1024

ELSEWHERE = "203.0.113.9"
HERE = "127.0.0.1"
FILES = 100_000


def limits_of(open_files: int = FILES, **settings: int) -> AdmissionControl:
    return AdmissionControl(Config(**settings), open_files, Counter(), SharedCounters())  # type: ignore[arg-type]  # each is a number


def seats(limits: AdmissionControl, address: str, count: int, subject: str = "") -> list[StreamSlot]:
    return [limits.take_slot(address, subject) for _ in range(count)]


def test_s15_by_default_an_address_has_64_streams_and_localhost_any_number() -> None:
    by_default, set_to_two, without = limits_of(), limits_of(streams_per_address=2), limits_of(streams_per_address=0)

    seats(by_default, ELSEWHERE, 64)
    with pytest.raises(LimitExceeded, match=r"203\.0\.113\.9 has 64 streams open") as caught:
        by_default.take_slot(ELSEWHERE)
    seats(by_default, HERE, 10_000)
    seats(without, ELSEWHERE, 10_000)
    for address in (HERE, ELSEWHERE):
        seats(set_to_two, address, 2)
        with pytest.raises(LimitExceeded):
            set_to_two.take_slot(address)

    assert caught.value.reason == "address"


def test_s15_a_subject_has_32_streams_over_all_addresses() -> None:
    limits = limits_of()

    for number in range(32):
        limits.take_slot(f"203.0.113.{number}", "alice")
    with pytest.raises(LimitExceeded, match="'alice' has 32 streams open") as caught:
        limits.take_slot(HERE, "alice")

    limits.take_slot(HERE, "bob")
    assert caught.value.reason == "subject"


def test_s15_the_total_of_streams_is_bounded_by_the_limit_of_open_files() -> None:
    by_default, set_to_three = limits_of(open_files=1_024), limits_of(streams_total=3)

    seats(by_default, HERE, 1_024 - 256)
    seats(set_to_three, HERE, 3)
    for limits in (by_default, set_to_three):
        with pytest.raises(LimitExceeded, match="This hub has") as caught:
            limits.take_slot(HERE)
        assert caught.value.reason == "total"


def test_a_seat_is_released_once_at_the_end_of_its_block_unless_it_is_kept() -> None:
    limits = limits_of(streams_per_address=2)

    with limits.take_slot(ELSEWHERE):
        pass
    with limits.take_slot(ELSEWHERE) as seat:
        seat.keep()
    assert limits.streams == 1
    seat.release()
    seat.release()

    assert limits.streams == 0
    seats(limits, ELSEWHERE, 2)


def test_connections_without_a_stream_are_counted_too() -> None:
    limits, strict = limits_of(streams_per_address=20), limits_of(streams_per_address=1)

    assert [limits.connect(ELSEWHERE) for _ in range(81)] == [True] * 80 + [False]
    limits.disconnect(ELSEWHERE)

    assert limits.connect(ELSEWHERE)
    # A browser needs some connections, whatever the limit.
    assert [strict.connect(ELSEWHERE) for _ in range(65)] == [True] * 64 + [False]
    assert all(limits_of().connect(HERE) for _ in range(1_000))


def test_publishing_over_the_rate_limit_is_refused_with_the_time_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    of_100 = limits_of(publish_lines_per_second=100)

    # A body may exceed the rate of one second; the next body has to wait for it.
    of_100.take_publish_quota(HERE, "", 1)
    of_100.take_publish_quota(HERE, "", 250)
    with pytest.raises(LimitExceeded) as caught:
        of_100.take_publish_quota(HERE, "", 1)
    of_100.take_publish_quota(HERE, "alice", 1)
    now += caught.value.wait_seconds
    of_100.take_publish_quota(HERE, "", 1)

    assert caught.value.wait_seconds == pytest.approx(1.52)
    assert caught.value.reason == "publish-rate"


def test_by_default_localhost_publishes_without_limit_and_others_10_000_lines_per_second() -> None:
    limits = limits_of()

    for _ in range(10):
        limits.take_publish_quota(HERE, "", 10_000)
    limits.take_publish_quota(ELSEWHERE, "", 20_000)
    with pytest.raises(LimitExceeded):
        limits.take_publish_quota(ELSEWHERE, "", 1)


def test_all_request_bodies_share_one_memory_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_BYTES", 100)
    hub = limits_of()

    with hub.body_memory() as one, hub.body_memory() as other:
        one(60)
        with pytest.raises(LimitExceeded, match="large bodies"):
            other(60)
        other(40)
    with hub.body_memory() as again:
        again(100)


def test_unread_responses_are_bounded_per_sender_and_in_total(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESPONSE_BYTES_PER_SENDER", 50)
    monkeypatch.setattr(module, "RESPONSE_BYTES", 100)
    hub = limits_of()

    with hub.response_memory(ELSEWHERE, "") as one, hub.response_memory(ELSEWHERE, "alice") as alice:
        # The first response of each sender is allowed, however large.
        one(60)
        one(70)
        with pytest.raises(LimitExceeded, match="unread responses") as caught, hub.response_memory(ELSEWHERE, ""):
            pass
        with hub.response_memory("203.0.113.10", "") as other:
            other(30)
            with pytest.raises(LimitExceeded):
                alice(10)
            other(10)
            alice(10)
    for _ in range(3):
        with hub.response_memory(ELSEWHERE, "") as again:
            again(40)

    assert caught.value.reason == "answers"


def test_localhost_may_use_the_total_response_memory_unless_its_streams_are_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RESPONSE_BYTES_PER_SENDER", 50)
    monkeypatch.setattr(module, "RESPONSE_BYTES", 100)

    def refused(hub: AdmissionControl, subject: str) -> bool:
        with hub.response_memory(HERE, subject) as one, pytest.raises(LimitExceeded) as caught:
            one(60)
            with hub.response_memory(HERE, subject) as other:
                other(30)
                raise LimitExceeded("none", "")
        return caught.value.reason == "answers"

    assert not refused(limits_of(), "")
    assert refused(limits_of(), "alice")
    assert refused(limits_of(streams_per_address=2), "")
    with limits_of().response_memory(HERE, "") as all_there_is:
        all_there_is(100)


def test_the_manual_lists_the_limits_that_no_option_sets() -> None:
    rows = (ROOT / "docs" / "limits.md").read_text().partition("## What can't be set")[2].partition("## ")[0]
    bounds = [
        f"| {CONNECTIONS_FACTOR} connections for each stream that an address may have, and {MIN_CONNECTIONS} at the",
        f"| {BODY_BYTES // MEGABYTE} MiB of bodies",
        f"| {RESPONSE_BYTES // MEGABYTE} MiB of unread responses, {RESPONSE_BYTES_PER_SENDER // MEGABYTE} MiB of one",
        f"a page is {MAX_BYTES // MEGABYTE} MiB",
        f"these are {RESPONSE_BYTES // MAX_BYTES} pages, and {RESPONSE_BYTES_PER_SENDER // MAX_BYTES} |",
        f"| {MAX_CHANNELS_HELD:,} channels known, {MAX_CHANNELS_KNOWN:,} where",
    ]

    assert [bound for bound in bounds if bound not in rows] == []
    assert Config().channel_lines_per_second == 0
    assert "unless `--channel-lines-per-second` is set" in rows


def test_refusals_are_counted_and_the_first_of_each_minute_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    refused: Counter[str] = Counter()
    hub = AdmissionControl(Config(), FILES, refused, SharedCounters())

    for _ in range(1_000):
        hub.record_refusal("address", "one too many")
    hub.record_refusal("total", "full")
    now += 61
    hub.record_refusal("address", "one too many\nforged line")

    assert refused == {"address": 1_001, "total": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "request_refused reason=address count=1 detail='one too many'",
        "request_refused reason=total count=1 detail='full'",
        "request_refused reason=address count=1001 detail='one too many\\nforged line'",
    ]
