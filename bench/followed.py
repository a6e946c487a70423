"""
Which lines Podman leaves out of a log that it is asked to follow: its API alone, with nothing of this project between.

    python -m bench.followed     (half a minute; needs podman and runc, as root)

Containers print 500 lines/s each; the log of each is followed by one plain HTTP request from its start to its end, and
then compared with the file that the engine's monitor has written.
"""

import http.client
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from tests.integration.containers import EngineService, engine_service, printing

LINES_A_SECOND = 500


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the Unix socket at `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__("engine")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def followed(engine: EngineService, container: str) -> list[str]:
    """The lines of `container` as its engine sends them until it ends, sorted."""
    connection = UnixConnection(engine.socket)
    connection.request("GET", f"/v1.41/containers/{container}/logs?stdout=1&stderr=1&follow=1")
    data = connection.getresponse().read()
    connection.close()
    texts, at = {1: b"", 2: b""}, 0
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        texts[data[at]] += data[at + 8 : at + 8 + size]
        at += 8 + size
    return sorted(line for text in texts.values() for line in text.decode().split("\n") if line)


@click.command()
@click.option("--containers", default=20, show_default=True)
@click.option("--seconds", default=10, show_default=True, help="How long each prints.")
def main(containers: int, seconds: int) -> None:
    """Count, and print."""
    lines = LINES_A_SECOND * seconds
    with engine_service() as engine, ThreadPoolExecutor(containers) as pool:
        names = [engine.create(f"followed{number}", *printing(lines)) for number in range(containers)]
        results = []
        for name in names:
            engine.start(name)
            results.append(pool.submit(followed, engine, name))
        sent = [result.result() for result in results]
        engine.wait_stopped(*names)
        written = [engine.log(name) for name in names]
    lacking = [(Counter(log) - Counter(got)).total() for log, got in zip(written, sent, strict=True)]
    torn = [(Counter(got) - Counter(log)).total() for log, got in zip(written, sent, strict=True)]
    click.echo(f"{containers} containers, {sum(map(len, written)):,} lines in their files")
    click.echo(f"not sent while followed: {sum(lacking):,}, of {sum(map(bool, lacking))} containers: {lacking}")
    click.echo(f"sent, and not in the files (half a line): {sum(torn):,}")


if __name__ == "__main__":
    main()
