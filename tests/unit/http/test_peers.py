"""Messages between the workers of one hub."""

from pathlib import Path

import pytest

from sse_hub.http.peers import WorkerId, ask_all, serve_peers


@pytest.mark.parametrize(
    ("said", "heard"), [(b"x" * 1_000_000, b"x" * 1_000_000), (b"", None)], ids=["much", "nothing"]
)
async def test_a_reply_of_a_peer_is_read_to_its_end(tmp_path: Path, said: bytes, heard: bytes | None) -> None:
    async with serve_peers(WorkerId(0, 3, str(tmp_path)), lambda: said):
        answers = await ask_all(WorkerId(1, 3, str(tmp_path)), b"own")

    assert answers == {0: heard, 1: b"own", 2: None}
