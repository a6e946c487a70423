"""
Shows which lines Podman skips in a log that it follows, using only Podman's API and nothing of this project.

    python -m bench.podman_follow     (ten seconds; needs podman and runc, as root)

The engine's monitor writes up to 64 pieces of about twenty lines at once, so a write can end after a line's timestamp,
with the line itself in the next write. Podman rarely reads the file between two such writes. To make it read there,
this writes exactly such pieces, slowly, into the log of a container that prints nothing.
"""

import http.client
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from tests.support.containers import EngineService, engine_service

STAMP = "2026-11-21T12:00:00.000000000+00:00 stdout "
PIECES = (f"{STAMP}F one\n{STAMP}F two\n{STAMP}", f"F three\n{STAMP}F four\n", f"{STAMP}F five\n")
# Podman checks the file four times a second.
PAUSE_SECONDS = 1.0


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the Unix socket at `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__("engine")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def read_log(engine: EngineService, container: str, follow: int) -> list[str]:
    """Return the lines of `container` that the engine sends; with `follow`, wait until the container ends."""
    connection = UnixConnection(engine.socket)
    connection.request("GET", f"/v1.41/containers/{container}/logs?stdout=1&follow={follow}")
    data = connection.getresponse().read()
    connection.close()
    text, start = b"", 0
    while start < len(data):
        size = int.from_bytes(data[start + 4 : start + 8], "big")
        text += data[start + 8 : start + 8 + size]
        start += 8 + size
    return text.decode().splitlines()


@click.command()
def main() -> None:
    """Write pieces of lines into a container's log, and print what the engine reports."""
    with engine_service() as engine, ThreadPoolExecutor(1) as pool:
        container = engine.run("followed", "sleep", "100")
        followed = pool.submit(read_log, engine, container, 1)
        with engine.log_path(container).open("a") as file:
            for piece in PIECES:
                time.sleep(PAUSE_SECONDS)
                file.write(piece)
                file.flush()
        time.sleep(PAUSE_SECONDS)
        engine.stop(container, "SIGKILL")
        engine.wait_stopped(container)
        click.echo(f"written:         {' '.join(engine.log(container))}")
        click.echo(f"followed:        {' '.join(followed.result())}")
        click.echo(f"read afterwards: {' '.join(read_log(engine, container, 0))}")


if __name__ == "__main__":
    main()
