"""
The table of formats, and its templates as regular expressions. Pure: no I/O after the import.

    expand("{year}-{month}") --> Template("([12][0-9]{3})-([01][0-9])", ("year", "month"))

docs/formats.md describes the table, which the page's reader reads, too.
"""

import json
import re
from importlib import resources
from typing import Any, NamedTuple

TABLE: dict[str, Any] = json.loads(resources.files(__package__).joinpath("table.json").read_text(encoding="utf-8"))
PIECES: dict[str, str] = TABLE["pieces"]
# An escape, a class, a role with or without its piece, a blank, or the end of the text.
TOKEN = re.compile(r"\\[^\n]|\[(?:\\[^\n]|[^\]\\])*\]|\{([A-Za-z_][A-Za-z0-9_]*)(?:=([A-Za-z0-9_]+))?\}| |\$")
# In Python, `$` matches before a last line feed, too.
MEANS = {" ": "[ \\t]+", "$": "\\Z"}
# What both languages call white space; JavaScript's trim() removes it.
BLANKS = (
    " \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f"
    "\u3000\ufeff"
)

# A class, an escape, or a dot, which JavaScript reads in another way than Python.
DIFFERENT = re.compile(r"\[(?:\\[^\n]|[^\]\\])*\]|\\[^\n]|\.")
_SPACES = re.escape(BLANKS)
_MEANINGS = {"\\s": f"[{_SPACES}]", "\\S": f"[^{_SPACES}]", ".": "[^\n\r\u2028\u2029]"}


def as_in_javascript(source: str, flags: int = 0) -> re.Pattern[str]:
    """The expression `source`, with `\\s`, `\\d`, `\\w` and the dot as JavaScript has them."""

    def replace(found: re.Match[str]) -> str:
        if not found[0].startswith("["):
            return _MEANINGS.get(found[0], found[0])
        return found[0] if "\\S" in found[0] else found[0].replace("\\s", _SPACES)

    return re.compile(DIFFERENT.sub(replace, source), flags | re.ASCII)


class Template(NamedTuple):
    """A regular expression, and the role of each of its groups."""

    source: str
    roles: tuple[str, ...]


def expand(template: str) -> Template:
    """The regular expression of a template of the table."""
    roles: list[str] = []
    return Template(_expand(template, roles), tuple(roles))


def _expand(template: str, roles: list[str]) -> str:
    def replace(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return MEANS.get(found[0], found[0])
        if name.startswith("_"):
            return f"(?:{_expand(PIECES[name[1:]], roles)})"
        roles.append(name)
        return f"({_expand(PIECES[found[2] or name], [])})"

    return TOKEN.sub(replace, template)
