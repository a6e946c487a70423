"""
What Podman leaves out of a log that it is asked to follow: its API alone, with nothing of this project between.

    python -m bench.followed     (ten seconds; needs podman and runc, as root)

The engine's monitor writes up to 64 pieces of some twenty lines at a time, so a write can end after a line's time, and
the line itself comes with the next one. Between the two there is hardly ever a look at the file; here there is one: the
file of a container that prints nothing is written in just these pieces, slowly enough to be seen.
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
# Podman looks for more four times a second.
PAUSE_SECONDS = 1.0


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the Unix socket at `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__("engine")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def told(engine: EngineService, container: str, follow: int) -> list[str]:
    """The lines of `container` as its engine sends them; with `follow` until it ends."""
    connection = UnixConnection(engine.socket)
    connection.request("GET", f"/v1.41/containers/{container}/logs?stdout=1&follow={follow}")
    data = connection.getresponse().read()
    connection.close()
    text, at = b"", 0
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        text += data[at + 8 : at + 8 + size]
        at += 8 + size
    return text.decode().splitlines()


@click.command()
def main() -> None:
    """Write, and print what the engine says."""
    with engine_service() as engine, ThreadPoolExecutor(1) as pool:
        container = engine.run("followed", "sleep", "100")
        followed = pool.submit(told, engine, container, 1)
        with engine.log_path(container).open("a") as file:
            for piece in PIECES:
                time.sleep(PAUSE_SECONDS)
                file.write(piece)
                file.flush()
        time.sleep(PAUSE_SECONDS)
        engine.stop(container, "SIGKILL")
        engine.wait_stopped(container)
        click.echo(f"written:     {' '.join(engine.log(container))}")
        click.echo(f"followed:    {' '.join(followed.result())}")
        click.echo(f"asked after: {' '.join(told(engine, container, 0))}")


if __name__ == "__main__":
    main()
