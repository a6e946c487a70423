"""S14: a hostile line costs little: it is truncated before it is parsed, and nothing is decompressed."""

import gzip
import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_hub.errors import InvalidLine, TooLarge
from sse_hub.protocol.lines import MESSAGE, normalize
from sse_hub.protocol.ndjson import parse_body
from tests.support.settings import PATIENCE

LIMIT = 1_048_576
CPU_SECONDS = 0.05 * PATIENCE
BOMB = gzip.compress(b"0" * 10_000_000)

HOSTILE = {
    "brackets": b"[" * LIMIT,
    "braces": b'{"a":' * (LIMIT // 5),
    "brackets in an object": b'{"a":' + b"[" * (LIMIT - 10),
    "closed brackets": b"[" * (LIMIT // 2) + b"]" * (LIMIT // 2),
    "closed braces": b'{"a":' * (LIMIT // 6) + b"1" + b"}" * (LIMIT // 6),
    "a long number": b"1" * LIMIT,
    "a long number in an object": b'{"a":' + b"1" * (LIMIT - 10) + b"}",
    "escapes": b'"' + b"\\u0041" * (LIMIT // 6 - 1) + b'"',
    "half surrogates": b'{"a":"' + b"\\ud800" * (LIMIT // 6 - 10) + b'"}',
    "line ends": b"{" + b"\n" * (LIMIT - 10) + b"}",
    "not UTF-8": b"\xff" * LIMIT,
    "a zip bomb": BOMB,
}


def cpu_of(work: Callable[[], object]) -> float:
    """The least CPU time of three runs, in seconds, as the first may include one-time work."""
    least = 1e9
    for _ in range(3):
        begun = time.process_time()
        work()
        least = min(least, time.process_time() - begun)
    return least


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_s14_a_hostile_line_of_a_megabyte_takes_little_cpu_and_becomes_one_object(payload: bytes) -> None:
    line, event = normalize(payload, LIMIT)

    assert isinstance(json.loads(line.replace(b"\n", b" ")), dict)
    assert event == MESSAGE
    assert cpu_of(lambda: normalize(payload, LIMIT)) < CPU_SECONDS


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_s14_a_hostile_body_of_a_megabyte_takes_little_cpu_and_is_refused(payload: bytes) -> None:
    def parse() -> None:
        try:
            for _ in parse_body(payload, LIMIT):
                pass
        except (InvalidLine, TooLarge):
            pass

    assert cpu_of(parse) < CPU_SECONDS


def test_s14_a_line_over_the_limit_is_truncated_before_it_is_parsed() -> None:
    """A line of 64 MB takes no longer than one at the limit."""
    payload = b'{"a":' + b"[" * 64_000_000

    line, _ = normalize(payload, LIMIT)

    assert cpu_of(lambda: normalize(payload, LIMIT)) < CPU_SECONDS
    assert json.loads(line)["truncated"] is True
    assert json.loads(line)["size"] == len(payload)
    assert len(line) < 2 * LIMIT


def test_s14_a_compressed_payload_is_not_decompressed() -> None:
    line, _ = normalize(BOMB, LIMIT)

    assert len(line) < 10 * len(BOMB)


NESTED = st.recursive(
    st.sampled_from([b"1", b'"x"', b"null", b"[", b"{", b"}", b"\\u", b"1e999"]),
    lambda inner: st.builds(
        lambda open, part, close, times: open * times + part + close * times,
        st.sampled_from([b"[", b'{"a":', b"[1,", b'{"a":{"b":']),
        inner,
        st.sampled_from([b"]", b"}", b"}}", b""]),
        st.integers(1, 20_000),
    ),
    max_leaves=4,
)


@given(NESTED)
@settings(max_examples=50, deadline=None)
def test_s14_any_nesting_takes_little_cpu(payload: bytes) -> None:
    begun = time.process_time()

    normalize(payload, LIMIT)

    assert time.process_time() - begun < 2 * CPU_SECONDS
