"""
A network of several sides that can be cut from one another, while this thread still reaches all of them.

    split_network(2) --> Side(host, inside) for node() and hub_process() --> cut(), heal()

Each side is a network namespace, and this thread is in one of its own, on whose bridge they meet. Needs root on Linux.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import pytest

# From linux/sched.h.
CLONE_NEWNET = 0x4000_0000
NETWORK = "10.77.0"


class Side(NamedTuple):
    """One side: servers listen on `host`, and `inside` is the beginning of a command that runs another one there."""

    host: str
    inside: tuple[str, ...]
    link: str


@dataclass(frozen=True)
class SplitNetwork:
    """A network of `sides`, whole at the beginning."""

    sides: list[Side]

    def cut(self) -> None:
        """Let no packet pass from one side to another."""
        self._isolate("on")

    def heal(self) -> None:
        """End cut()."""
        self._isolate("off")

    def _isolate(self, state: str) -> None:
        # Isolated ports of a bridge reach the bridge, which is this thread's, and no other isolated port.
        for each in self.sides:
            _run("bridge", "link", "set", "dev", each.link, "isolated", state)


def can_split() -> bool:
    """True where split_network() works."""
    return os.name == "posix" and os.path.exists("/proc/self/ns/net") and os.geteuid() == 0


# Of a test that uses split_network(): elsewhere the end of the run names it as skipped.
needs_split_network = pytest.mark.skipif(not can_split(), reason="needs network namespaces: root on Linux")


@contextmanager
def split_network(count: int = 2) -> Iterator[SplitNetwork]:
    """
    A network of `count` sides for the duration of the block, in which this thread is in a network of its own.

    All processes and threads that it starts in the block are there too, but no thread that it had before. Servers that
    it started before can't be reached.
    """
    with ExitStack() as stack:
        stack.enter_context(_own_network())
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "link", "add", "middle", "type", "bridge")
        _run("ip", "address", "add", f"{NETWORK}.1/24", "dev", "middle")
        _run("ip", "link", "set", "middle", "up")
        yield SplitNetwork([stack.enter_context(_side(at)) for at in range(count)])


@contextmanager
def _own_network() -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _check(libc.unshare(CLONE_NEWNET))
        yield
    finally:
        _check(libc.setns(before, CLONE_NEWNET))
        os.close(before)


def _check(answer: int) -> None:
    if answer:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextmanager
def _side(at: int) -> Iterator[Side]:
    name, link, host = f"sse-hub-{os.getpid()}-{at}", f"to-side-{at}", f"{NETWORK}.{at + 2}"
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "set", link, "master", "middle", "up")
        for words in (
            f"address add {host}/24 dev eth0",
            "link set eth0 up",
            "link set lo up",
        ):
            _run("ip", "-n", name, *words.split())
        yield Side(host, ("ip", "netns", "exec", name), link)
    finally:
        _run("ip", "netns", "delete", name)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, f"{' '.join(command)}: {done.stderr}"
