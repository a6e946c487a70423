"""What an error says of itself."""

import re

from sse_hub.errors import error_text
from tests.support.settings import ROOT


def test_an_error_without_a_message_is_named_by_its_class() -> None:
    assert error_text(TimeoutError()) == "TimeoutError"
    assert error_text(OSError("no route")) == "no route"


def test_no_module_spells_that_out_by_itself() -> None:
    """In `error or …` the error is always true, so one without a message printed nothing."""
    found = [
        path.name
        for path in (ROOT / "sse_hub").rglob("*.py")
        if re.search(r"\bor type\(\w+\)\.__name__", path.read_text())
    ]

    assert found == ["errors.py"]
