"""What workers of one hub tell one another."""

from pathlib import Path

import pytest

from sse_hub.http.peers import Place, answering, gathered


@pytest.mark.parametrize(
    ("said", "heard"), [(b"x" * 1_000_000, b"x" * 1_000_000), (b"", None)], ids=["much", "nothing"]
)
async def test_an_answer_is_heard_to_its_end(tmp_path: Path, said: bytes, heard: bytes | None) -> None:
    async with answering(Place(0, 3, str(tmp_path)), lambda: said):
        answers = await gathered(Place(1, 3, str(tmp_path)), b"own")

    assert answers == {0: heard, 1: b"own", 2: None}
