"""
What `sse-hub watch` asks the hub to filter by. Pure: no I/O.

    --filter 'level>=warn user=u7' --filter 'time out' --> filter_text() --> '(level>=warn user=u7) ("time out")'
"""

import re
from collections.abc import Sequence
from datetime import UTC, tzinfo

from sse_hub.errors import InvalidFilter, InvalidSetting
from sse_hub.filters.compile import compile_filter
from sse_hub.filters.parse import AllOf, FilterTree, TextTerm, parse_filter

# With blanks and capitals, where the language has none.
LEVEL_FILTER = re.compile(r"\s*level\s*(>=|<=|>|<|=)\s*(\w+)\s*", re.IGNORECASE)


def filter_text(texts: Sequence[str], now_ms: float = 0, zone: tzinfo = UTC) -> str:
    """
    One filter of several `--filter` options: a line must pass all of them. Empty without any.

    Raises InvalidSetting, which says where an option is wrong. Times such as -15m are relative to `now_ms`; those
    without a zone are in `zone`.
    """
    asked = [_checked(text, now_ms, zone) for text in texts if text.strip()]
    return asked[0] if len(asked) == 1 else " ".join(f"({text})" for text in asked)


def _checked(text: str, now_ms: float, zone: tzinfo) -> str:
    try:
        asked = _in_the_language(text)
        compile_filter(asked, now_ms, zone)
    except InvalidFilter as error:
        raise InvalidSetting(f"--filter {text!r}: {error} (at character {error.start + 1})") from None
    return asked


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
