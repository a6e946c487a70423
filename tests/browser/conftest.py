"""
A real page: Redis, a hub and Chromium, with a failure for anything the browser's console complains about.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.browser_page import Publish
from tests.support.chromium import CHROMIUM_OPTIONS, Console, chromium
from tests.support.programs import valkey_binary
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, ROOT


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
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the hub and the built page, as a wheel holds them: the tests see what users get."""
    root = tmp_path_factory.mktemp("installed")
    shutil.copytree(ROOT / "sse_hub", root / "sse_hub", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "run.py", root)
    command = [sys.executable, "-m", "sse_hub.http.page.minify", str(ROOT / "web"), str(root / "sse_hub" / "web")]
    subprocess.run(command, cwd=ROOT, timeout=DEADLINE_SECONDS, check=True)
    return root


@pytest.fixture(scope="session")
def hub(redis: RedisServer, installed: Path) -> Iterator[HubProcess]:
    """One hub for all tests that do not end it."""
    with hub_process(redis.url, root=installed) as process:
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
