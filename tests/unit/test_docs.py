"""What the documents say is what the code does."""

import json
import re
from pathlib import Path

import pytest

import sse_hub
from sse_hub.protocol.lines import with_channel
from sse_hub.protocol.sse import (
    Gap,
    auth_frame,
    checkpoint_frame,
    event_frame,
    gap_frame,
    heartbeat_frame,
    lines_frame,
    refused_frame,
    retry_frame,
)
from tests.sse import Decoder

ROOT = Path(__file__).parents[2]
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
BLOCKS = re.findall(r"```sse\n(.*?)```", PROTOCOL, re.DOTALL)
LINE = '{"level": "info", "message": "Visit 新增 id 8348"}'.encode()


@pytest.mark.parametrize(
    ("block", "frames"),
    [
        (0, retry_frame(2000) + checkpoint_frame(b"1795233018000-0")),
        (1, event_frame(b"1795233018000-1", b"message", LINE)),
        (
            2,
            event_frame(
                b"1795233018000-1.2", b"message", with_channel(b'{"level": "info", "message": "paid"}', "orders")
            ),
        ),
        (
            3,
            lines_frame(
                b"1795233018000-2",
                [("1795233018000-1", "log", '{"n": 1}'), ("1795233018000-2", "log", '{"n": 2}')],
            ),
        ),
        (
            4,
            gap_frame(b"1795233020000-0", Gap("log", "1795233018000-2", "1795233020000-0", None, "recorder-down")),
        ),
        (5, heartbeat_frame(b"1795233030000-0")),
        (6, refused_frame("address", "203.0.113.9 has 64 streams open, as many as it may have.")),
        (7, auth_frame("expired")),
    ],
)
def test_the_frames_in_the_protocol_are_the_ones_we_send(block: int, frames: bytes) -> None:
    assert BLOCKS[block].encode() == frames


def test_every_frame_in_the_protocol_is_checked() -> None:
    assert len(BLOCKS) == 8
    for block in BLOCKS:
        for event in Decoder().feed(block.encode()):
            json.loads(event.data)


def test_the_changelog_has_this_version() -> None:
    assert f"## {sse_hub.__version__} - " in (ROOT / "CHANGELOG.md").read_text()


def test_the_readme_can_be_read_without_scrolling_for_ever() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_each_module_has_its_place_in_the_design() -> None:
    named = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "design.md").read_text()))
    modules = {path.stem for path in (ROOT / "sse_hub").glob("*.py")} - {"__init__"}

    assert modules <= named
