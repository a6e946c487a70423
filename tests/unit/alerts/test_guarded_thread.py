"""What a library may do in a guarded thread, and that nobody else is held to it."""

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from sse_hub.alerts.destinations.guarded_thread import run_guarded
from sse_hub.errors import AddressRefused


def connect(family: int, address: str | tuple[str, int]) -> None:
    with socket.socket(family) as connection:
        connection.connect(address)


def send_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.sendto(b"x", ("127.0.0.1", 9))


FORBIDDEN: dict[str, Callable[[], object]] = {
    "loopback": lambda: connect(socket.AF_INET, ("127.0.0.1", 9)),
    "IPv6": lambda: connect(socket.AF_INET6, ("::1", 9)),
    "a name": lambda: connect(socket.AF_INET, ("localhost", 9)),
    "a local socket": lambda: connect(socket.AF_UNIX, "/run/docker.sock"),
    "a datagram": send_datagram,
    "a program": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
}


@pytest.mark.parametrize("what", FORBIDDEN)
async def test_a_library_connects_to_nothing_private_and_starts_no_program(what: str) -> None:
    with pytest.raises(AddressRefused):
        await run_guarded(FORBIDDEN[what], False, lambda message: None)


async def test_other_threads_are_not_guarded_and_private_addresses_may_be_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()

        await run_guarded(lambda: connect(socket.AF_INET, address), True, lambda message: None)
        await asyncio.to_thread(connect, socket.AF_INET, address)


async def test_what_a_library_logs_is_heard_by_its_caller_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logger, heard = logging.getLogger("apprise"), list[str]()

    await run_guarded(lambda: logger.error("a %s", "secret"), True, heard.append)
    logger.error("not of ours")

    assert heard == ["a secret"]
    assert caplog.messages == ["not of ours"]


async def test_an_error_of_a_library_has_only_its_name() -> None:
    def fail() -> None:
        raise KeyError("secret")

    with pytest.raises(RuntimeError, match="^KeyError$"):
        await run_guarded(fail, True, lambda message: None)
