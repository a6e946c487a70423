"""
`key=value key="quo\\"ted" key='python' flag empty=`: the pairs of a text, in linear time. Pure: no I/O.

    parse_pairs('a=1 b="x y"') --> {"a": 1, "b": "x y"}
    split_pairs("order paid   a=1") --> ("order paid", {"a": 1})
"""

import re
from collections.abc import Mapping

from sse_hub.formats.table import BLANKS, as_in_javascript
from sse_hub.formats.values import text_of

Scalar = str | int | float | bool
TOKEN = as_in_javascript(r"""([^\s="']+)(?:=("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"']\S*)?)?(?:\s+|\Z)""")
FIRST_PAIR = as_in_javascript(r"(?:^|\s)[A-Za-z_@][\w.@/-]*=")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?")
LABEL = re.compile(r"([A-Za-z_][\w.-]*):([\s\S]*)", re.ASCII)
# A longer line is hardly one of pairs, and too long to read.
MAX_CHARACTERS = 65_536


def parse_pairs(text: str) -> dict[str, Scalar] | None:
    """The pairs that make up a whole text, or None. A word without a value is True, if it follows a pair."""
    if len(text) > MAX_CHARACTERS:
        return None
    found: dict[str, Scalar] = {}
    pairs = at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            return None
        key, value = match[1], match[2]
        scalar: Scalar
        if value is not None:
            scalar = _parse_value(value)
        else:
            scalar = "" if text[match.end(1) : match.end(1) + 1] == "=" else True
        if scalar is True and pairs == 0:
            return None
        pairs += scalar is not True
        found[key] = scalar
        at = match.end()
    return found if pairs else None


def split_pairs(text: str) -> tuple[str, Mapping[str, Scalar]]:
    """The head and the pairs of a text that ends in pairs; without any, the text and nothing."""
    match = FIRST_PAIR.search(text)
    pairs = parse_pairs(text[match.start() :].strip(BLANKS)) if match else None
    return (text[: match.start()].rstrip(BLANKS), pairs) if match and pairs else (text, {})


def parse_labels(text: str) -> dict[str, Scalar] | None:
    """The pairs of a text in LTSV: `time:…<tab>host:…`; None for any other."""
    if len(text) > MAX_CHARACTERS:
        return None
    found: dict[str, Scalar] = {}
    for part in text.split("\t"):
        match = LABEL.fullmatch(part)
        if match is None:
            return None
        if match[2] != "-":
            found[match[1]] = parse_scalar(match[2])
    return found


def parse_scalar(text: str) -> Scalar:
    """A text as a number, if it is one and loses no digit; else the text."""
    if not NUMBER.fullmatch(text):
        return text
    number = float(text) if "." in text else int(text)
    return number if abs(number) <= 2**53 and text_of(number) == text else text


def _parse_value(value: str) -> Scalar:
    if value[0] in "\"'":
        return re.sub(r"""\\(["'\\])""", r"\1", value[1:-1]).replace("\\n", "\n")
    return parse_scalar(value)
