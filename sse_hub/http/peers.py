"""
The workers of one hub answer each other's questions, so that a client may ask any of them about all.

    ask_all() in one worker --> a Unix socket of each, in a shared folder --> serve_peers() in the others --> bytes
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# A worker that is busy for longer counts as unavailable.
ANSWER_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class WorkerId:
    """Worker `number` of `count`, from 0; each has a socket in `folder`. Without a folder there is one process."""

    number: int = 0
    count: int = 1
    folder: str | None = None


SINGLE = WorkerId()


@asynccontextmanager
async def serve_peers(worker_id: WorkerId, report: Callable[[], bytes]) -> AsyncIterator[None]:
    """Send the result of `report()` to every other worker that asks, for as long as the block runs."""
    if worker_id.folder is None:
        yield
        return

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(report())
            await writer.drain()
        writer.close()

    path = _socket_path(worker_id.folder, worker_id.number)
    # Left by the process that this one replaces.
    path.unlink(missing_ok=True)
    async with await asyncio.start_unix_server(answer, path):
        yield


async def ask_all(worker_id: WorkerId, own: bytes) -> dict[int, bytes | None]:
    """The reports of all workers by their numbers, `own` included; None for a worker that does not answer."""
    others = [number for number in range(worker_id.count) if number != worker_id.number]
    answers = await asyncio.gather(*(_ask(_socket_path(worker_id.folder or "", number)) for number in others))
    return dict(sorted([(worker_id.number, own), *zip(others, answers, strict=True)]))


async def _ask(path: Path) -> bytes | None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                # Nothing at all comes from a worker that was killed before it wrote.
                return await reader.read() or None
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None


def _socket_path(folder: str, number: int) -> Path:
    return Path(folder) / str(number)
