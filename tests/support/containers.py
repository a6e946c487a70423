"""
Containers on a real engine: Podman's service, which implements Docker's API, in its own folder.

    engine_service() --> EngineService.create(), start(), restart(), log()      docker_command(...) --> its process

Nothing is downloaded: the image is an empty root into which this machine's /usr is mounted. Containers have no network.
"""

import json
import os
import resource
import shutil
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx

from tests.support.cli import output_in, running_command
from tests.support.settings import DEADLINE_SECONDS
from tests.support.waiting import wait_until

IMAGE = "localhost/sse-hub-test:1"
FOLDERS = ("usr", "proc", "sys", "dev", "tmp", "etc", "run")
LINKS = {name: f"usr/{name}" for name in ("bin", "sbin", "lib", "lib64")}

# Prints lines in groups of ten, every fifth line on standard error, each with the id of the run.
PRINTER = """
$| = 1; select(STDERR); $| = 1; select(STDOUT);
open(my $id, '<', '/proc/sys/kernel/random/uuid'); my $run = substr(<$id>, 0, 8);
for my $n (1..$ARGV[0]) {
    if ($n % 5) { print "$run $n\\n" } else { print STDERR "$run $n\\n" }
    select(undef, undef, undef, $ARGV[1]) unless $n % 10;
}
"""


def printer_command(lines: int, pause_seconds: float = 0.02) -> tuple[str, ...]:
    """The command of a container that prints `lines` lines, ten every `pause_seconds`."""
    return ("perl", "-e", PRINTER, str(lines), str(pause_seconds))


def podman_binary() -> str:
    """Debian's podman. AssertionError that says how to install it if it is missing."""
    found = shutil.which("podman")
    assert found and shutil.which("runc"), "podman or runc is missing: `make test` installs them on Debian"
    return found


class EngineService:
    """Podman's service, with its containers below `folder`. They keep running when the service is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "engine.sock"
        self._process: subprocess.Popen[bytes] | None = None
        limits = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
        # A process that may not raise its limits cannot start containers with higher ones.
        most = {name: min(1024, value) for name, limit in limits.items() if (value := resource.getrlimit(limit)[1]) > 0}
        (folder / "containers.conf").write_text(
            "[containers]\n"
            f"default_ulimits = {json.dumps([f'{name}={value}:{value}' for name, value in most.items()])}\n"
            'netns = "none"\nlog_driver = "k8s-file"\nvolumes = ["/usr:/usr:ro"]\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
        )
        self._podman = [podman_binary(), "--storage-driver", "vfs", "--root", str(folder / "root")]
        self._podman += ["--runroot", str(folder / "run"), "--tmpdir", str(folder / "tmp")]
        self._client = httpx.Client(
            base_url="http://engine/v1.41",
            transport=httpx.HTTPTransport(uds=str(self.socket)),
            timeout=DEADLINE_SECONDS,
        )

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def load_image(self) -> None:
        """Load the image of all containers, which holds only empty folders and links."""
        self._call("import", "-", IMAGE, given=_root())

    def begin(self) -> None:
        """Start the service."""
        with open(self.folder / "service.out", "ab") as output:
            command = [*self._podman, "system", "service", "--time=0", self.url]
            self._process = subprocess.Popen(command, stdout=output, stderr=output, env=self._environ())
        wait_until(self._answers, "the engine answers")

    def kill(self) -> None:
        """SIGKILL the service."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def end(self) -> None:
        """Remove all containers, and stop the service."""
        self.kill()
        self._call("rm", "--all", "--force", "--time", "0")
        self._client.close()

    def create(self, name: str, *command: str, terminal: bool = False, labels: dict[str, str] | None = None) -> str:
        """Create a container that runs `command`. Returns its id."""
        body = {"Image": IMAGE, "Cmd": command, "Tty": terminal, "Labels": labels or {}}
        return str(self._ask("POST", f"/containers/create?name={name}", body)["Id"])

    def start(self, container: str) -> None:
        self._ask("POST", f"/containers/{container}/start")

    def restart(self, container: str) -> None:
        """SIGKILL the process in the container, and start it again."""
        response = self._client.post(f"/containers/{container}/restart?t=0")
        if response.status_code >= 400:
            # The process ended by itself just then, and Podman found nothing to kill.
            nothing = ("no such process", "container state improper: stopped", "container state improper: exited")
            assert any(each in response.text for each in nothing), response.text
            self.wait_stopped(container)
            self.start(container)

    def stop(self, container: str, signal: str = "SIGTERM") -> None:
        """Send `signal` to the process in the container."""
        self._ask("POST", f"/containers/{container}/kill?signal={signal}")

    def remove(self, container: str) -> None:
        self._ask("DELETE", f"/containers/{container}?force=true")

    def run(self, name: str, *command: str, terminal: bool = False, labels: dict[str, str] | None = None) -> str:
        """create() and start(). Returns the id."""
        container = self.create(name, *command, terminal=terminal, labels=labels)
        self.start(container)
        return container

    def wait_stopped(self, *containers: str, seconds: float = DEADLINE_SECONDS) -> None:
        """Return when none of `containers` runs. Each may take `seconds`."""
        for container in containers:
            wait_until(partial(self._stopped, container), f"{container} has stopped", seconds)

    def log(self, container: str) -> list[str]:
        """
        The lines of `container`, sorted, from the file that the engine's monitor writes, without the API.

        The file has "time stream F text", with "P" instead of "F" for a part that continues.
        """
        texts = {"stdout": "", "stderr": ""}
        for line in self.log_path(container).read_text().splitlines():
            _, stream, tag, text = line.split(" ", 3)
            texts[stream] += text + ("\n" if tag == "F" else "")
        return sorted(line for text in texts.values() for line in text.split("\n") if line)

    def log_path(self, container: str) -> Path:
        """The file that the engine's monitor writes."""
        return self.folder / "root" / "vfs-containers" / container / "userdata" / "ctr.log"

    # Internals.

    def _stopped(self, container: str) -> bool:
        response = self._client.get(f"/containers/{container}/json")
        if response.status_code >= 400:
            # The process ended while Podman looked for it: the next request will succeed.
            assert "no such process" in response.text, response.text
            return False
        return not response.json()["State"]["Running"]

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        response = self._client.request(method, path, json=body)
        assert response.status_code < 400, response.text
        return response.json() if response.content else None

    def _answers(self) -> bool:
        # Without httpx, which leaves a socket open when nobody answers.
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def _call(self, *arguments: str, given: bytes = b"") -> None:
        done = subprocess.run(
            [*self._podman, *arguments], input=given, capture_output=True, env=self._environ(), check=False
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")

    def _environ(self) -> dict[str, str]:
        return {**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf")}


@contextmanager
def engine_service() -> Iterator[EngineService]:
    """An engine without containers. At the end of the block it stops, and its containers are removed."""
    with tempfile.TemporaryDirectory(prefix="sse-hub-engine-") as folder:
        service = EngineService(Path(folder))
        try:
            service.load_image()
            service.begin()
            yield service
        finally:
            service.end()


@contextmanager
def docker_command(
    redis_url: str, engine: EngineService, folder: Path, *options: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`sse-hub docker` with its registry in `folder`. At the end of the block it gets SIGTERM if it still runs."""
    words = ["docker", "--registry", str(folder / "positions.json"), "--engine", engine.url]
    with running_command(folder / "docker.out", *words, "--redis-url", redis_url, *options) as process:
        yield process


def docker_output(folder: Path) -> str:
    """The log of the commands with their registry in `folder`."""
    return output_in(folder / "docker.out")


def wait_started(folder: Path) -> None:
    """Return when the first run has stored its start positions: everything printed after that must arrive."""

    def begun() -> bool:
        assert "Traceback" not in docker_output(folder), docker_output(folder)
        return (folder / "positions.json").exists()

    wait_until(begun, "the command has begun")


def _root() -> bytes:
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in FOLDERS:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
        for name, target in LINKS.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
    return packed.getvalue()
