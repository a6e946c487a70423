"""
A real page: Redis, a hub and Chromium, with a failure for anything the browser's console complains about.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.browser_page import Publish
from tests.support.chromium import CHROMIUM_OPTIONS, Console, chromium
from tests.support.programs import valkey_binary
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS


@pytest.fixture(scope="session")
def base_url() -> str | None:
    """The plugin's own is a method, which pytest 9 warns about, and a warning is an error here."""
    return None


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The installed Chromium; nothing is downloaded."""
    return {**browser_type_launch_args, "executable_path": chromium(), "args": list(CHROMIUM_OPTIONS)}


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """One server for all tests; each test has channels of its own."""
    with redis_server(valkey_binary()) as server:
        yield server


@pytest.fixture
def redis_alone() -> Iterator[RedisServer]:
    """A server that a test may cut."""
    with redis_server(valkey_binary()) as server:
        yield server


@pytest.fixture(scope="session")
def hub(redis: RedisServer) -> Iterator[HubProcess]:
    """One hub for all tests that do not end it."""
    with hub_process(redis.url) as process:
        yield process


@pytest.fixture
def publish(redis: RedisServer) -> Iterator[Publish]:
    """Publish lines on a channel, in order."""
    with redis.publisher() as client:

        def send(channel: str, lines: Iterable[str]) -> None:
            with client.pipeline(transaction=False) as pipeline:
                for line in lines:
                    pipeline.publish(channel, line)
                pipeline.execute()

        yield send


@pytest.fixture(autouse=True)
def console(page: Page) -> Iterator[Console]:
    """Fails the test on any console error, page error or violation of the content policy."""
    page.set_default_timeout(DEADLINE_SECONDS * 1000)
    console = Console()
    page.on("console", console.said)
    page.on("pageerror", console.failed)
    yield console
    assert console.unexpected == []
