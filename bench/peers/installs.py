"""
Installs the peers' software, into a cache folder only.

    apt-get download + dpkg -x --> nginx, Nchan      pip --> venv      npm --> node_modules

Software that is already in the cache is reused. Each function raises PeerUnavailable if it can't be installed.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.errors import PeerUnavailable

INSTALL_SECONDS = 600
NGINX_STATE = Path("/var/lib/nginx")
DEBIAN_PACKAGES = ("nginx", "libnginx-mod-nchan")
PYTHON_PACKAGES = ("sse-starlette", "redis", "hiredis", "uvicorn", "uvloop", "httptools")
NODE_PACKAGES = ("better-sse", "ioredis")


def run_command(*arguments: str | Path, folder: Path | None = None) -> str:
    """Return a command's output. Raises PeerUnavailable if the command is missing, fails or takes too long."""
    text = " ".join(Path(part).name if isinstance(part, Path) else part for part in arguments[:4])
    try:
        result = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except FileNotFoundError:
        raise PeerUnavailable(f"{text}: the command {arguments[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise PeerUnavailable(f"{text}: not finished after {INSTALL_SECONDS} s") from None
    if result.returncode:
        output = (result.stderr or result.stdout).strip().splitlines() or ["no output"]
        raise PeerUnavailable(f"{text}: {output[-1][:200]}")
    return result.stdout


def install_nchan(cache: Path) -> tuple[Path, Path, str]:
    """
    Return the nginx binary, the Nchan module, and the versions of both.

    The packages are unpacked, not installed: Debian would start a web server on port 80.
    """
    folder = cache / "nchan"
    module = folder / "usr/lib/nginx/modules/ngx_nchan_module.so"
    if not module.exists():
        packages = cache / "packages"
        shutil.rmtree(packages, ignore_errors=True)
        packages.mkdir(parents=True)
        run_command("apt-get", "download", *DEBIAN_PACKAGES, folder=packages)
        for package in packages.glob("*.deb"):
            run_command("dpkg", "-x", package, folder)
        fields = [run_command("dpkg-deb", "-f", each, "Package", "Version") for each in sorted(packages.glob("*.deb"))]
        (folder / "versions").write_text(", ".join(package_version(text) for text in fields))
    try:
        # Nchan makes nginx create its temporary files here, whatever the configuration says.
        NGINX_STATE.mkdir(exist_ok=True)
    except OSError:
        raise PeerUnavailable(f"nginx needs the folder {NGINX_STATE}, which only root can create") from None
    return folder / "usr/sbin/nginx", module, (folder / "versions").read_text()


def package_version(text: str) -> str:
    """Return, for example, "nginx 1.22.1-9" from `text`, the fields that dpkg-deb prints."""
    fields = dict(line.split(": ", 1) for line in text.strip().splitlines())
    return f"{fields['Package']} {fields['Version']}"


def install_python(cache: Path) -> tuple[Path, str]:
    """Return a Python with sse-starlette and redis-py, and the versions of its packages."""
    folder = cache / "python"
    program = folder / "bin/python"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        run_command(sys.executable, "-m", "venv", "--without-pip", folder)
        # The venv that `make` creates has no pip: the system's pip installs into it.
        outer = shutil.which("python3", path=_path_without(Path(sys.prefix) / "bin")) or sys.executable
        run_command(outer, "-m", "pip", "--python", program, "install", "--quiet", *PYTHON_PACKAGES)
        (folder / "ready").touch()
    names = ", ".join(repr(name) for name in PYTHON_PACKAGES)
    code = f"from importlib.metadata import version; print(*(f'{{n}} {{version(n)}}' for n in ({names})), sep=', ')"
    return program, run_command(program, "-c", code).strip()


def _path_without(folder: Path) -> str:
    return os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if Path(part) != folder)


def install_node_packages(cache: Path) -> tuple[Path, str]:
    """Return a node_modules folder with better-sse and ioredis, and the versions of both and of Node."""
    folder = cache / "node"
    modules = folder / "node_modules"
    runtime = run_command("node", "--version").strip()
    if not all((modules / name / "package.json").exists() for name in NODE_PACKAGES):
        folder.mkdir(parents=True, exist_ok=True)
        run_command("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--no-save", *NODE_PACKAGES)
    packages = [json.loads((modules / name / "package.json").read_text()) for name in NODE_PACKAGES]
    return modules, ", ".join([f"node {runtime}", *(f"{each['name']} {each['version']}" for each in packages)])
