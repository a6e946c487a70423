"""Files with keys and rules that are reloaded while the hub runs."""

import resource
from pathlib import Path

import pytest

from sse_hub.errors import InvalidSetting
from sse_hub.reloaded_file import ReloadedFile


def test_a_file_that_could_not_be_opened_is_reloaded_later(tmp_path: Path) -> None:
    """For example because the limit of open files is reached."""
    path = tmp_path / "keys"
    path.write_text("old")
    kept = ReloadedFile("--token-keys", str(path), str)
    path.write_text("another")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        kept.refresh()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert kept.value == "old"

    kept.refresh()

    assert (kept.value, kept.version) == ("another", 1)


def test_a_file_may_begin_with_a_mark_and_must_be_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"\xef\xbb\xbf\xe6\x96\xb0")
    assert ReloadedFile("--token-keys", str(path), str).value == "新"

    for encoding in ("utf-16", "latin-1"):
        path.write_bytes("größer".encode(encoding))
        with pytest.raises(InvalidSetting, match="it is not UTF-8"):
            ReloadedFile("--token-keys", str(path), str)
