"""
Threads for libraries that wait by themselves and connect where they like: where to is checked at each connection.

    call --> run_guarded(): a thread of its own --> the library --> socket.connect --> check_address()

The check is a hook of Python's own audit events, so it sees the address that is really connected to, whatever name led
there, and after each redirect. https://docs.python.org/3/library/audit_events.html
"""

import asyncio
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from sse_hub.alerts.addresses import check_address
from sse_hub.errors import AddressRefused, HubError

Result = TypeVar("Result")

# What no destination has to do.
PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.spawn"})
CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
# They log what they do, with URLs and tokens.
TALKATIVE = ("apprise", "urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry")


class _Guard(threading.local):
    """What the thread may not do: nothing is forbidden to threads that are not ours."""

    active = False
    allow_private = True
    # Whoever logs in this thread talks to it alone.
    listener: Callable[[str], None] | None = None


_guard = _Guard()


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if not _guard.active:
        return
    if event in PROGRAMS:
        raise AddressRefused("It may not start a program.")
    if event in CONNECTS and not _guard.allow_private:
        connection, address = args
        try:
            _check(connection.family, address)
        except AddressRefused:
            # Libraries close a socket only after an error that they know.
            connection.close()
            raise


def _check(family: int, address: object) -> None:
    """Raises AddressRefused."""
    if family not in (socket.AF_INET, socket.AF_INET6):
        raise AddressRefused("It may not use a socket of this machine.")
    if isinstance(address, tuple):
        check_address(str(address[0]))


class _Listened(logging.Filter):
    """Lets pass what other threads log."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not _guard.active:
            return True
        if _guard.listener:
            _guard.listener(record.getMessage())
        return False


_installing = threading.Lock()
_installed = False


def _install() -> None:
    """Once in a process: a hook can't be taken away."""
    global _installed
    with _installing:
        if not _installed:
            sys.addaudithook(_audit)
            for name in TALKATIVE:
                logging.getLogger(name).addFilter(_Listened())
            _installed = True


@contextmanager
def guarded(allow_private: bool, listener: Callable[[str], None]) -> Iterator[None]:
    """What this thread does in the block is guarded. `listener` gets what the libraries log in it, and nobody else."""
    _install()
    _guard.active, _guard.allow_private, _guard.listener = True, allow_private, listener
    try:
        yield
    finally:
        _guard.active = False


def run_guarded(
    call: Callable[[], Result], allow_private: bool, listener: Callable[[str], None]
) -> "asyncio.Future[Result]":
    """
    The result of `call`, which runs in a thread of its own, where it may connect to public addresses only.

    A thread can't be ended: if nobody waits for the result any more, it goes on, and does not keep the process alive.
    `allow_private` and `listener` are those of guarded().
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def resolve(result: Result | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]  # without an error there is one
        else:
            future.set_exception(error)

    def work() -> None:
        result: Result | None = None
        failure: BaseException | None = None
        try:
            with guarded(allow_private, listener):
                result = call()
        except HubError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  # a library may raise anything, and its message may have secrets
            failure = RuntimeError(type(error).__name__)
        # The loop may be closed by now.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(resolve, result, failure)

    threading.Thread(target=work, name="alert-destination", daemon=True).start()
    return future
