"""
The socket that a hub listens on.

    --host, --port            --> a TCP socket
    --host unix:/run/hub.sock --> a Unix socket, which is removed when the hub ends
    LISTEN_FDS                --> the socket that a service manager has passed (systemd.socket), whatever --host says
"""

import os
import socket
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from sse_hub.config import UNIX, Config
from sse_hub.errors import InvalidSetting, ServerUnavailable, error_text
from sse_hub.hub.subscriber import PEER_TIMEOUT_MS

# With Sanic's 100, five thousand simultaneous connects took 41 s. The kernel limits it to net.core.somaxconn.
BACKLOG = 4096
# Kernel memory for a client that stopped reading: without this limit, nearly 3 MB.
SEND_BUFFER_BYTES = 64 * 1024
# https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
FIRST_PASSED = 3
# The owner and the group may connect, such as that of a proxy.
UNIX_MODE = 0o660


def with_passed_address(config: Config, environ: Mapping[str, str]) -> Config:
    """
    `config`, with the host and port of the socket that a service manager has passed, if it has.

    Raises InvalidSetting unless that is one listening stream socket.
    """
    if not _is_passed(environ):
        return config
    if environ["LISTEN_FDS"] != "1":
        raise InvalidSetting(f"LISTEN_FDS={environ['LISTEN_FDS']!r} is invalid: a hub listens on exactly one socket.")
    with closing(_passed_socket()) as passed:
        if passed.type != socket.SOCK_STREAM or not passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise InvalidSetting("The socket in LISTEN_FDS must be a stream that listens (systemd: Accept=no).")
        name = passed.getsockname()
    if passed.family == socket.AF_UNIX:
        return replace(config, host=f"{UNIX}{os.fsdecode(name)}")
    return replace(config, host=str(name[0]), port=int(name[1]))


@contextmanager
def listening_socket(config: Config, environ: Mapping[str, str]) -> Iterator[socket.socket]:
    """A socket that listens within the block. Every accepted connection has its options. Raises ServerUnavailable."""
    if _is_passed(environ):
        with _passed_socket() as listener:
            os.set_inheritable(FIRST_PASSED, False)
            _set_options(listener)
            listener.listen(BACKLOG)
            yield listener
    elif config.host.startswith(UNIX):
        with _unix_socket(Path(config.host.removeprefix(UNIX))) as listener:
            yield listener
    else:
        with _tcp_socket(config.host, config.port) as listener:
            yield listener


def _is_passed(environ: Mapping[str, str]) -> bool:
    return environ.get("LISTEN_PID") == str(os.getpid()) and "LISTEN_FDS" in environ


def _passed_socket() -> socket.socket:
    try:
        return socket.socket(fileno=os.dup(FIRST_PASSED))
    except OSError as error:
        raise ServerUnavailable(f"LISTEN_FDS names no socket: {error_text(error)}.") from None


def _tcp_socket(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    # A name that IDNA can't encode, as one of 300 letters, is a UnicodeError.
    except (OSError, UnicodeError) as error:
        raise ServerUnavailable(f"The server can't listen on {host!r}: {error_text(error)}.") from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _set_options(listener)
    try:
        listener.bind(address)
        # Here, not in asyncio: two processes can bind to one port in the same moment, but only one of them can listen.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ServerUnavailable(
            f"The server can't listen on {host}:{port}: {error.strerror}. Choose another port (--port)."
        ) from None
    return listener


@contextmanager
def _unix_socket(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        _set_options(listener)
        try:
            _remove_stale(path)
            # Nobody may connect before it has its mode.
            before = os.umask(0o177)
            try:
                listener.bind(str(path))
            finally:
                os.umask(before)
            path.chmod(UNIX_MODE)
            listener.listen(BACKLOG)
            own = path.stat()
        except OSError as error:
            raise ServerUnavailable(f"The server can't listen on {UNIX}{path}: {error_text(error)}.") from None
        try:
            yield listener
        finally:
            # Another hub may have taken the path over meanwhile.
            with suppress(OSError):
                if os.path.samestat(path.stat(), own):
                    path.unlink()


def _remove_stale(path: Path) -> None:
    """Remove the socket of a hub that was killed. Raises OSError if it is in use, or is not a socket."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError("there is another file of that name")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise FileExistsError("another process listens there")


def _set_options(listener: socket.socket) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if listener.family == socket.AF_UNIX:
        return
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PEER_TIMEOUT_MS)
