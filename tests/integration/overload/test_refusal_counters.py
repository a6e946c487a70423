"""Each refusal is counted under its reason; the counters exist, at 0, before the first refusal."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from sse_hub.hub.counters import REFUSED
from tests.support.http_client import fetch
from tests.support.metrics import scrape
from tests.support.raw_http import open_streams, raw_connection, request_head, send_raw
from tests.support.servers import HubProcess, redis_server
from tests.support.tokens import bearer, token, token_hub
from tests.support.waiting import wait_until

CHANNEL = "app.refused"
PER_ADDRESS, PER_SUBJECT, IN_ALL = 3, 2, 5
CONNECTIONS = 64
SETTINGS = {
    "--streams-per-address": PER_ADDRESS,
    "--streams-per-subject": PER_SUBJECT,
    "--streams-total": IN_ALL,
    "--channels-per-stream": 2,
    "--publish-lines-per-second": 10,
    "--body-bytes": 1_000,
    "--body-seconds": 1,
    "--header-seconds": 1,
    "--url-bytes": 1_000,
    "--header-bytes": 2_000,
}
# Needs 20,000 channels, 500 filters, 256 MiB, or pages of 9 MB: tests/unit covers all but the last, which
# test_unread_responses.py does.
TOO_COSTLY = {"channels", "filters", "bodies", "answers", "queries"}


@pytest.fixture(scope="module")
def refusing_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub with small limits."""
    options = (str(each) for pair in SETTINGS.items() for each in pair)
    with redis_server() as server, token_hub(server.url, tmp_path_factory.mktemp("keys"), *options) as hub:
        operator = bearer(operate=True)
        wait_until(lambda: bool(fetch(hub, "/health/ready", headers=operator).json["recording"]), "lines are recorded")
        yield hub


def signed(subject: str) -> str:
    """The header of `subject`, with all rights on the channel."""
    return f"Authorization: Bearer {token(sub=subject, subscribe=[CHANNEL], publish=[CHANNEL])}"


def stream(subject: str) -> bytes:
    return request_head(f"/message?channel={CHANNEL}", signed(subject))


def posted(body: bytes, *headers: str) -> bytes:
    head = request_head(f"/publish?channel={CHANNEL}", f"Content-Length: {len(body)}", *headers, method="POST")
    return head + body


def asking(data: bytes, times: int = 1) -> Callable[[HubProcess], Awaitable[None]]:
    """A function that sends `data` as a whole, `times` times."""

    async def ask_it(hub: HubProcess) -> None:
        for _ in range(times):
            await send_raw(hub, data)

    return ask_it


async def address(hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        for name in ("a", "b", "c"):
            await stack.enter_async_context(open_streams(hub, CHANNEL, 1, "127.0.0.2", [signed(name)]))
        await send_raw(hub, stream("d"), "127.0.0.2")


async def subject(hub: HubProcess) -> None:
    async with open_streams(hub, CHANNEL, PER_SUBJECT, "127.0.0.3", [signed("alice")]):
        await send_raw(hub, stream("alice"))


async def total(hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        for number in range(IN_ALL):
            here = open_streams(hub, CHANNEL, 1, f"127.0.1.{number + 1}", [signed(f"one-{number}")])
            await stack.enter_async_context(here)
        await send_raw(hub, stream("one-more"))


async def connections(hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            await stack.enter_async_context(raw_connection(hub, "127.0.0.4"))
        async with raw_connection(hub, "127.0.0.4") as one_more:
            await one_more.ended()


async def publish_rate(hub: HubProcess) -> None:
    await asking(posted(b"{}\n" * 100, signed("fast")), 2)(hub)


REFUSALS = {
    "not-signed-in": asking(request_head(f"/message?channel={CHANNEL}")),
    "not-allowed": asking(request_head("/history?channel=app.other", signed("reader"))),
    "foreign-origin": asking(posted(b"{}", "Origin: https://elsewhere.example", signed("foreigner"))),
    "address": address,
    "subject": subject,
    "total": total,
    "connections": connections,
    "channels-per-stream": asking(request_head("/message?channel=app.1&channel=app.2&channel=app.3", signed("many"))),
    "publish-rate": publish_rate,
    "too-large": asking(posted(b" " * 1_001, signed("large"))),
    "slow": asking(request_head(f"/publish?channel={CHANNEL}", "Content-Length: 9", signed("slow"), method="POST")),
    "url": asking(request_head("/" + "x" * 2_000)),
    "headers": asking(request_head("/channels", "A: " + "y" * 3_000)),
    "slow-head": asking(b"GET /channels HTTP/1.1\r\n"),
    "malformed": asking(b"GET /channels HTTP/1.1\r\nHost : hub\r\n\r\n"),
}


def refusals(hub: HubProcess, reason: str) -> float | None:
    """The value of the counter, None if it does not exist."""
    found = scrape(hub, bearer(operate=True)).values.items()
    counts = [
        count for (name, labels), count in found if name == "sse_hub_refused_total" and ("reason", reason) in labels
    ]
    return counts[0] if counts else None


def test_every_refusal_reason_has_a_test_case() -> None:
    assert REFUSALS.keys() | TOO_COSTLY == set(REFUSED)


@pytest.mark.parametrize("reason", REFUSALS)
async def test_every_refusal_is_counted_under_its_reason(refusing_hub: HubProcess, reason: str) -> None:
    before = refusals(refusing_hub, reason)
    await REFUSALS[reason](refusing_hub)

    assert before is not None
    wait_until(lambda: refusals(refusing_hub, reason) == before + 1, f"{reason} is counted once")
