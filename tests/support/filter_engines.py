"""What the page's filter and the hub's find, for the same filters and lines. The page's runs in one process of node."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from sse_hub.errors import InvalidFilter
from sse_hub.filters.compile import compile_filter
from sse_hub.filters.line import FilteredLine
from tests.support.programs import node_binary
from tests.support.settings import ROOT

FIXTURE = json.loads((ROOT / "tests/fixtures/filters.json").read_text(encoding="utf-8"))


def moment_ms(text: str) -> int:
    """An ISO time in ms since the epoch."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


NOW_MS = moment_ms(FIXTURE["now"])


class Came(NamedTuple):
    """A line, and what is known of it besides."""

    line: str
    channel: str = ""
    id: str = ""
    came: int = NOW_MS


# What an engine answers: what is wrong with the filter, or which lines it finds.
Answer = dict[str, Any]


class PageEngine:
    """The page's filter."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, typed: str, lines: Sequence[Came]) -> Answer:
        """What it answers."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"filter": typed, "lines": [line._asdict() for line in lines]}) + "\n")
        stdin.flush()
        return dict(json.loads(stdout.readline()))


@contextmanager
def page_engine() -> Iterator[PageEngine]:
    """The page's filter, until the end of the block."""
    command = [node_binary(), str(ROOT / "tests/fixtures/filter-lines.mjs"), str(NOW_MS)]
    with subprocess.Popen(
        command, text=True, encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield PageEngine(process)
        assert process.stdin is not None
        process.stdin.close()


def ask_hub(typed: str, lines: Sequence[Came]) -> Answer:
    """What the hub's filter answers; AssertionError if its first look refuses a line that it finds."""
    try:
        compiled = compile_filter(typed, NOW_MS)
    except InvalidFilter as error:
        return {"fault": {"message": str(error), "start": utf_16(typed, error.start), "end": utf_16(typed, error.end)}}
    found = []
    for line, channel, id, came in lines:
        # Half a character can't be published.
        held = FilteredLine(re.sub("[\ud800-\udfff]", "\ufffd", line).encode(), channel, id, came)
        found.append(compiled.test is None or compiled.test(held))
        assert not found[-1] or compiled.may_match(FilteredLine(held.payload)), (
            f"{typed!r} is not seen at first in {line!r}"
        )
    return {"found": found}


def utf_16(text: str, position: int) -> int:
    """A position as JavaScript counts."""
    return len(text[:position].encode("utf-16-le", "surrogatepass")) // 2
