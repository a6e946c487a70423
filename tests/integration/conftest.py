"""One Redis with two hubs, shared by all tests that change nothing about them, and a separate channel for each test."""

import itertools
import resource
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.http_client import fetch
from tests.support.network_loss import in_own_network
from tests.support.recording_hubs import EVERY_LINE
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.tokens import HIDDEN, A, B, bearer, publish, token_hub
from tests.support.waiting import wait_until

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[RedisServer]:
    """A Redis that no test may stop, and whose connections no test may cut."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def hub(server: RedisServer) -> Iterator[HubProcess]:
    """A hub with the default settings on `server`."""
    with hub_process(server.url) as hub:
        yield hub


@pytest.fixture(scope="session")
def other_hub(server: RedisServer) -> Iterator[HubProcess]:
    """Another hub like `hub`."""
    with hub_process(server.url) as hub:
        yield hub


@pytest.fixture
def recording(hub: HubProcess) -> None:
    """`hub` records, or another one on its Redis does."""
    hub.wait_recording()


@pytest.fixture(scope="session", autouse=True)
def vanishing(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str] | None]:
    """
    The process whose result test_vanished_clients.py checks, if that is among the tests to run.

    It starts with the first test: it waits 20 s and more for the kernel, and disturbs nobody in its own network.
    """
    if any("/test_vanished_clients.py" in item.nodeid for item in request.session.items):
        with in_own_network() as process:
            yield process
    else:
        yield None


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """A Redis without hubs that a test may stop or change in any way."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def module_server() -> Iterator[RedisServer]:
    """A Redis without hubs, for all tests of a file."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def deployed() -> Iterator[tuple[RedisServer, HubProcess]]:
    """A Redis with a hub that records and trims nothing, for all tests of a file."""
    with redis_server() as server, hub_process(server.url, *EVERY_LINE) as hub:
        hub.wait_recording()
        yield server, hub


@pytest.fixture
def many_files() -> Iterator[None]:
    """Raise the limit of open files to the maximum, for the test and the hubs it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def channel() -> str:
    """A channel name that no other test uses."""
    return f"channel-{next(_numbers)}"


@pytest.fixture(scope="session")
def guarded_server() -> Iterator[RedisServer]:
    """A Redis for `guarded` alone."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def guarded(guarded_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub that requires tokens, with recorded lines on A and B."""
    folder = tmp_path_factory.mktemp("keys")
    origin = ("--cors-origin", "https://app.example")
    with token_hub(guarded_server.url, folder, "--ingest", "app.*", *origin) as hub:
        operator = bearer(publish=["app.*"], operate=True)
        wait_until(lambda: fetch(hub, "/health/ready", headers=operator).json.get("recording"), "it records")
        for channel, text in ((A, "what alpha says"), (B, HIDDEN)):
            assert publish(hub, channel, {"message": text}, operator).status == 200
        yield hub
