"""
Which lines `sse-hub watch` shows. Pure: no I/O.

    --filter 'level>=warn user=u7' --filter timeout --> LineFilter --> passes(line)
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from sse_hub.errors import InvalidFilter, InvalidSetting
from sse_hub.filters.compile import Filter, compile_filter
from sse_hub.filters.line import FilteredLine
from sse_hub.filters.parse import AllOf, FilterTree, TextTerm, parse_filter

# With blanks and capitals, where the language has none.
LEVEL_FILTER = re.compile(r"\s*level\s*(>=|<=|>|<|=)\s*(\w+)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LineFilter:
    """A line must pass all `filters`."""

    filters: tuple[Filter, ...] = ()

    @classmethod
    def parse(cls, texts: Sequence[str], now_ms: float = 0, zone: tzinfo = UTC) -> "LineFilter":
        """
        The filter of several `--filter` options. Raises InvalidSetting, which says where an option is wrong.

        Times such as -15m are relative to `now_ms`; those without a zone are in `zone`.
        """
        return cls(tuple(_compiled(text, now_ms, zone) for text in texts))

    def passes(self, line: FilteredLine) -> bool:
        """Whether to show a line."""
        return all(filter.matches(line) for filter in self.filters)


def _compiled(text: str, now_ms: float, zone: tzinfo) -> Filter:
    try:
        return compile_filter(_in_the_language(text), now_ms, zone)
    except InvalidFilter as error:
        raise InvalidSetting(f"--filter {text!r}: {error} (at character {error.start + 1})") from None


# The option is older than the language: words alone are one text, in any case.
def _in_the_language(text: str) -> str:
    if level := LEVEL_FILTER.fullmatch(text):
        return f"level{level[1]}{level[2]}"
    if '"' in text or not _has_only_words(parse_filter(text)):
        return text
    escaped = text.strip().lower().replace("\\", "\\\\")
    return f'"{escaped}"'


def _has_only_words(tree: FilterTree | None) -> bool:
    return isinstance(tree, TextTerm) or (
        isinstance(tree, AllOf) and all(isinstance(item, TextTerm) for item in tree.items)
    )
