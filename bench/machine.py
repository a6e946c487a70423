"""What the measurements were made on: processor, memory, kernel, Python, Redis."""

import os
import platform
import re
import subprocess
from pathlib import Path

from bench.servers import redis_program


def facts() -> list[tuple[str, str]]:
    """(name, value) of all that a reader needs to compare figures with those of another machine."""
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return [
        ("processor", f"{processor(Path('/proc/cpuinfo').read_text())}, {os.cpu_count()} cores"),
        ("memory", f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "unknown"),
        ("system", f"Linux {kernel(platform.release())}, {distribution()}"),
        ("Python", platform.python_version()),
        ("Redis", redis_version()),
    ]


def processor(cpuinfo: str) -> str:
    """The name in the text of /proc/cpuinfo."""
    found = re.search(r"model name\s*:\s*(.+)", cpuinfo)
    return found[1].strip() if found else platform.machine()


def kernel(release: str) -> str:
    """The version alone: what a distribution or a host adds to it says nothing of speed."""
    found = re.match(r"\d+(\.\d+)*", release)
    return found[0] if found else release


def distribution() -> str:
    """As /etc/os-release has it."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return "unknown distribution"


def redis_version() -> str:
    """The first words of `redis-server --version`, which a Valkey has, too."""
    said = subprocess.run([str(redis_program()), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v=(\S+)", said)
    name = "Valkey" if "valkey" in said.lower() else "Redis"
    return f"{name} {found[1]}" if found else said.strip()
