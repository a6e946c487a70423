"""Each refusal is counted under its reason, which is there, and 0, before the first."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from sse_hub.hub.counters import REFUSED
from tests.integration.asking import ask
from tests.integration.people import bearer, token, token_hub
from tests.integration.test_metrics import scrape
from tests.integration.wires import open_streams, request, told, wire
from tests.rig import HubProcess, redis_server, wait_until

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
# Only with 20,000 channels, 256 MiB, or pages of 9 MB: tests/unit has the first two, and test_answers.py the third.
TOO_COSTLY = {"channels", "bodies", "answers"}


@pytest.fixture(scope="module")
def refusing_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub with a small limit for everything."""
    options = (str(each) for pair in SETTINGS.items() for each in pair)
    with redis_server() as server, token_hub(server.url, tmp_path_factory.mktemp("keys"), *options) as hub:
        operator = bearer(operate=True)
        wait_until(lambda: bool(ask(hub, "/health/ready", headers=operator).json["recording"]), "lines are recorded")
        yield hub


def signed(subject: str) -> str:
    """The header of `subject`, who may do everything with the channel."""
    return f"Authorization: Bearer {token(sub=subject, subscribe=[CHANNEL], publish=[CHANNEL])}"


def stream(subject: str) -> bytes:
    return request(f"/message?channel={CHANNEL}", signed(subject))


def posted(body: bytes, *headers: str) -> bytes:
    head = request(f"/publish?channel={CHANNEL}", f"Content-Length: {len(body)}", *headers, method="POST")
    return head + body


def asking(data: bytes, times: int = 1) -> Callable[[HubProcess], Awaitable[None]]:
    """What sends `data`, as a whole, so often."""

    async def ask_it(hub: HubProcess) -> None:
        for _ in range(times):
            await told(hub, data)

    return ask_it


async def address(hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        for name in ("a", "b", "c"):
            await stack.enter_async_context(open_streams(hub, CHANNEL, 1, "127.0.0.2", [signed(name)]))
        await told(hub, stream("d"), "127.0.0.2")


async def subject(hub: HubProcess) -> None:
    async with open_streams(hub, CHANNEL, PER_SUBJECT, "127.0.0.3", [signed("alice")]):
        await told(hub, stream("alice"))


async def total(hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        for number in range(IN_ALL):
            here = open_streams(hub, CHANNEL, 1, f"127.0.1.{number + 1}", [signed(f"one-{number}")])
            await stack.enter_async_context(here)
        await told(hub, stream("one-more"))


async def connections(hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            await stack.enter_async_context(wire(hub, "127.0.0.4"))
        async with wire(hub, "127.0.0.4") as one_more:
            await one_more.ended()


async def publish_rate(hub: HubProcess) -> None:
    await asking(posted(b"{}\n" * 100, signed("fast")), 2)(hub)


REFUSALS = {
    "not-signed-in": asking(request(f"/message?channel={CHANNEL}")),
    "not-allowed": asking(request("/history?channel=app.other", signed("reader"))),
    "foreign-origin": asking(posted(b"{}", "Origin: https://elsewhere.example", signed("foreigner"))),
    "address": address,
    "subject": subject,
    "total": total,
    "connections": connections,
    "channels-per-stream": asking(request("/message?channel=app.1&channel=app.2&channel=app.3", signed("many"))),
    "publish-rate": publish_rate,
    "too-large": asking(posted(b" " * 1_001, signed("large"))),
    "slow": asking(request(f"/publish?channel={CHANNEL}", "Content-Length: 9", signed("slow"), method="POST")),
    "url": asking(request("/" + "x" * 2_000)),
    "headers": asking(request("/channels", "A: " + "y" * 3_000)),
    "slow-head": asking(b"GET /channels HTTP/1.1\r\n"),
}


def refusals(hub: HubProcess, reason: str) -> float | None:
    """How many there were, None where nothing is said of any."""
    found = scrape(hub, bearer(operate=True)).values.items()
    counts = [
        count for (name, labels), count in found if name == "sse_hub_refused_total" and ("reason", reason) in labels
    ]
    return counts[0] if counts else None


def test_all_reasons_are_tried() -> None:
    assert REFUSALS.keys() | TOO_COSTLY == set(REFUSED)


@pytest.mark.parametrize("reason", REFUSALS)
async def test_every_refusal_is_counted(refusing_hub: HubProcess, reason: str) -> None:
    before = refusals(refusing_hub, reason)
    await REFUSALS[reason](refusing_hub)

    assert before is not None
    wait_until(lambda: refusals(refusing_hub, reason) == before + 1, f"{reason} is counted once")
