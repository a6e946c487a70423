"""
The text of an alert: names in braces stand for values of its line, and nothing else is evaluated. Pure: no I/O.

    TextTemplate("{rule}: {count} × {message} ({zone})") --> fields --> render({"rule": "pay", …}) --> one line

A name is looked up in a dict, so `{0.__class__}` is a field that no line has. Values come from log lines, which anybody
may write: they are put in one line, without characters that move the cursor or turn the direction of the text.
"""

import re
from collections.abc import Mapping

from sse_hub.errors import InvalidRule

MAX_TEMPLATE_CHARACTERS = 500
MAX_NAMES = 20
MAX_VALUE_CHARACTERS = 300
MAX_TEXT_CHARACTERS = 2_000
# What the alert says itself; any other name is a field of its last line.
OWN_NAMES = ("rule", "group", "count", "first", "last", "channel", "level", "message")
# Neither a colon nor an exclamation mark, by which other templates format a value.
FIELD_NAME = re.compile(r"[\w.@$/-]{1,128}")
PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
# Control characters, and those that begin a line, are invisible, turn the direction or are half a character.
UNFIT = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]+"
)


def one_line(text: str, max_characters: int) -> str:
    """`text` in one line of at most `max_characters`, without characters that could leave it or hide something."""
    # Enough of it to be cut: a line may have megabytes.
    cut = text[: 2 * max_characters]
    clean = UNFIT.sub(" ", cut)
    if len(clean) <= max_characters and len(cut) == len(text):
        return clean
    return clean[: max_characters - 1] + "…"


class TextTemplate:
    """
    A template, checked once. `fields` are the names in it that the alert does not say itself. Raises InvalidRule.
    """

    def __init__(self, text: str) -> None:
        if not 1 <= len(text) <= MAX_TEMPLATE_CHARACTERS:
            raise _invalid(f"has {len(text)} characters; it must have 1 to {MAX_TEMPLATE_CHARACTERS}")
        if UNFIT.search(text):
            raise _invalid("must be one line without control characters")
        # Texts and names in turn, a text first.
        self._parts: list[str] = [""]
        at = 0
        for found in PART.finditer(text):
            self._parts[-1] += text[at : found.start()]
            at = found.end()
            if found[0] in ("{{", "}}"):
                self._parts[-1] += found[0][0]
                continue
            if found[1] is None:
                raise _invalid(f"has {found[0]!r} alone: write {found[0] * 2} for the character itself")
            if not FIELD_NAME.fullmatch(found[1]):
                raise _invalid(f"has {found[0][:80]!r}: in braces, only the name of a field may stand")
            self._parts += (found[1], "")
        self._parts[-1] += text[at:]
        names = dict.fromkeys(self._parts[1::2])
        if len(names) > MAX_NAMES:
            raise _invalid(f"has {len(names)} names; up to {MAX_NAMES} are allowed")
        self.fields = tuple(name for name in names if name not in OWN_NAMES)
        self.has_message = "message" in names

    def render(self, values: Mapping[str, str], value_characters: int = MAX_VALUE_CHARACTERS) -> str:
        """
        The text with `values` for its names, in one line; a name without a value is left out.

        A value is cut after `value_characters`.
        """
        parts = self._parts.copy()
        parts[1::2] = [one_line(values.get(name, ""), value_characters) for name in parts[1::2]]
        return one_line("".join(parts), MAX_TEXT_CHARACTERS)


def _invalid(reason: str) -> InvalidRule:
    return InvalidRule(f"text {reason}.", "text")
