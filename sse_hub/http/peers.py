"""
The workers of one hub, as each of them knows the others: who asks one of them may mean all.

    one is asked --> gathered() --> a Unix socket of each, in a folder of theirs --> what each of them says
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# One that is busy for longer than this is told to be away.
ANSWER_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class WorkerId:
    """A worker's number among `count`; in `folder` each has a socket. Without a folder there is one process."""

    number: int = 0
    count: int = 1
    folder: str | None = None


SINGLE = WorkerId()


@asynccontextmanager
async def serve_peers(place: WorkerId, say: Callable[[], bytes]) -> AsyncIterator[None]:
    """Tell the other workers what `say` gives, whenever one asks."""
    if place.folder is None:
        yield
        return

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(say())
            await writer.drain()
        writer.close()

    path = _path(place.folder, place.number)
    # That of the one whose place this process has taken.
    path.unlink(missing_ok=True)
    async with await asyncio.start_unix_server(answer, path):
        yield


async def ask_all(place: WorkerId, own: bytes) -> dict[int, bytes | None]:
    """What each worker says, `own` included, by its number; None of one that does not answer."""
    others = [number for number in range(place.count) if number != place.number]
    answers = await asyncio.gather(*(_ask(_path(place.folder or "", number)) for number in others))
    return dict(sorted([(place.number, own), *zip(others, answers, strict=True)]))


async def _ask(path: Path) -> bytes | None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                # To its end. One that is killed before it has said anything says nothing.
                return await reader.read() or None
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None


def _path(folder: str, number: int) -> Path:
    return Path(folder) / str(number)
