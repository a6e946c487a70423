"""The machine and software of a run: processor, memory, kernel, Python, Redis."""

import os
import platform
import re
import subprocess
from pathlib import Path

from bench.servers import redis_server_binary


def machine_facts() -> list[tuple[str, str]]:
    """Return (name, value) of everything a reader needs to compare the figures with those of another machine."""
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return [
        ("processor", f"{processor_name(Path('/proc/cpuinfo').read_text())}, {os.cpu_count()} cores"),
        ("memory", f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "unknown"),
        ("system", f"Linux {kernel_version(platform.release())}, {distribution()}"),
        ("Python", platform.python_version()),
        ("Redis", redis_version()),
    ]


def processor_name(cpuinfo: str) -> str:
    """Return the processor's name in `cpuinfo`, the text of /proc/cpuinfo."""
    found = re.search(r"model name\s*:\s*(.+)", cpuinfo)
    return found[1].strip() if found else platform.machine()


def kernel_version(release: str) -> str:
    """Return the bare version: the suffix that a distribution or host adds says nothing about speed."""
    found = re.match(r"\d+(\.\d+)*", release)
    return found[0] if found else release


def distribution() -> str:
    """Return the distribution's name in /etc/os-release."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return "unknown distribution"


def redis_version() -> str:
    """Return name and version from `redis-server --version`, which Valkey prints in the same form."""
    output = subprocess.run(
        [str(redis_server_binary()), "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"v=(\S+)", output)
    name = "Valkey" if "valkey" in output.lower() else "Redis"
    return f"{name} {found[1]}" if found else output.strip()
