"""
The peers' software, installed into a cache folder and nowhere else.

    apt-get download + dpkg -x --> nginx, Nchan      pip --> venv      npm --> node_modules

What is there already is taken as it is. Each function raises Missing with the reason where it can't be had.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

INSTALL_SECONDS = 600
NGINX_STATE = Path("/var/lib/nginx")
DEBIAN_PACKAGES = ("nginx", "libnginx-mod-nchan")
PYTHON_PACKAGES = ("sse-starlette", "redis", "hiredis", "uvicorn", "uvloop", "httptools")
NODE_PACKAGES = ("better-sse", "ioredis")


class Missing(Exception):
    """A peer can't be installed here; the message says why."""


def command(*arguments: str | Path, folder: Path | None = None) -> str:
    """What a command prints. Raises Missing when there is no such command, when it fails, or takes too long."""
    text = " ".join(Path(part).name if isinstance(part, Path) else part for part in arguments[:4])
    try:
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except FileNotFoundError:
        raise Missing(f"{text}: there is no command {arguments[0]}") from None
    except subprocess.TimeoutExpired:
        raise Missing(f"{text}: not done in {INSTALL_SECONDS} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
        raise Missing(f"{text}: {said[-1][:200]}")
    return done.stdout


def nchan(cache: Path) -> tuple[Path, Path, str]:
    """
    nginx's program, Nchan's module, and the versions of both.

    The packages are unpacked, not installed: Debian would start a web server on port 80.
    """
    folder = cache / "nchan"
    module = folder / "usr/lib/nginx/modules/ngx_nchan_module.so"
    if not module.exists():
        packages = cache / "packages"
        shutil.rmtree(packages, ignore_errors=True)
        packages.mkdir(parents=True)
        command("apt-get", "download", *DEBIAN_PACKAGES, folder=packages)
        for package in packages.glob("*.deb"):
            command("dpkg", "-x", package, folder)
        versions = [command("dpkg-deb", "-f", each, "Package", "Version") for each in sorted(packages.glob("*.deb"))]
        (folder / "versions").write_text(", ".join(debian_version(text) for text in versions))
    try:
        # Nchan has nginx make its folder of temporary files here, whatever the configuration says.
        NGINX_STATE.mkdir(exist_ok=True)
    except OSError:
        raise Missing(f"nginx needs the folder {NGINX_STATE}, which only root can make") from None
    return folder / "usr/sbin/nginx", module, (folder / "versions").read_text()


def debian_version(text: str) -> str:
    """ "nginx 1.22.1-9" out of what dpkg-deb says of a package."""
    fields = dict(line.split(": ", 1) for line in text.strip().splitlines())
    return f"{fields['Package']} {fields['Version']}"


def python(cache: Path) -> tuple[Path, str]:
    """A Python with sse-starlette and redis-py, and the versions of what is in it."""
    folder = cache / "python"
    program = folder / "bin/python"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        command(sys.executable, "-m", "venv", "--without-pip", folder)
        # The venv of `make` has no pip of its own either: the one outside installs into it.
        outer = shutil.which("python3", path=_path_without(Path(sys.prefix) / "bin")) or sys.executable
        command(outer, "-m", "pip", "--python", program, "install", "--quiet", *PYTHON_PACKAGES)
        (folder / "ready").touch()
    names = ", ".join(repr(name) for name in PYTHON_PACKAGES)
    code = f"from importlib.metadata import version; print(*(f'{{n}} {{version(n)}}' for n in ({names})), sep=', ')"
    return program, command(program, "-c", code).strip()


def _path_without(folder: Path) -> str:
    return os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if Path(part) != folder)


def node(cache: Path) -> tuple[Path, str]:
    """A folder with better-sse and ioredis in its node_modules, and their versions with Node's."""
    folder = cache / "node"
    modules = folder / "node_modules"
    runtime = command("node", "--version").strip()
    if not all((modules / name / "package.json").exists() for name in NODE_PACKAGES):
        folder.mkdir(parents=True, exist_ok=True)
        command("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--no-save", *NODE_PACKAGES)
    packages = [json.loads((modules / name / "package.json").read_text()) for name in NODE_PACKAGES]
    return modules, ", ".join([f"node {runtime}", *(f"{each['name']} {each['version']}" for each in packages)])
