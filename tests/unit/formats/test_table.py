"""The table of formats: its patterns mean the same in JavaScript and Python, and its words, roles and pieces exist."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import sse_hub.formats

TABLE = json.loads((Path(sse_hub.formats.__file__).parent / "table.json").read_text())
LEVELS = TABLE["levels"]
ROWS = [row for section in ("times", "lines", "heads") for row in TABLE[section]]
TOKEN = re.compile(r"\\[^\n]|\[(?:\\[^\n]|[^\]\\])*\]|\{([A-Za-z_]\w*)(?:=(\w+))?\}| ")
# `\s`, `\w` and others differ between the two.
DIFFERENT = re.compile(r"\\[sSbBdDwWpPkAZ1-9]|\(\?(?![:=!])|[+*?}]\+")


def expand(template: str) -> tuple[str, list[str]]:
    """The regular expression of a template, and the roles of its groups."""
    roles: list[str] = []

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "[ \\t]+" if found[0] == " " else found[0]
        if name.startswith("_"):
            inner, inner_roles = expand(TABLE["pieces"][name[1:]])
            roles.extend(inner_roles)
            return f"(?:{inner})"
        inner, inner_roles = expand(TABLE["pieces"][found[2] or name])
        assert inner_roles == []
        roles.append(name)
        return f"({inner})"

    return TOKEN.sub(replace, template), roles


def patterns() -> Iterator[str]:
    """All regular expressions of the table."""
    for row in ROWS:
        yield expand(row["pattern"])[0]
    yield TABLE["escapes"]
    yield TABLE["traces"]["frame"]
    yield TABLE["traces"]["named"]


def test_every_pattern_is_in_the_subset_that_both_languages_read_alike() -> None:
    for pattern in patterns():
        plain = pattern.replace("\\\\", "")
        outside = re.sub(r"\\[^\n]|\[(?:\\[^\n]|[^\]\\])*\]", "", plain)

        re.compile(pattern, re.ASCII)
        assert not DIFFERENT.search(plain), pattern
        assert "." not in outside, pattern


def test_each_group_of_a_template_has_a_role() -> None:
    for row in ROWS:
        pattern, roles = expand(row["pattern"])

        assert re.compile(pattern).groups == len(roles), row


def test_every_piece_is_used() -> None:
    used = {
        part
        for text in [*(row["pattern"] for row in ROWS), *TABLE["pieces"].values()]
        for found in TOKEN.finditer(text)
        for part in (found[2] or (found[1] or "").lstrip("_"),)
    }

    assert set(TABLE["pieces"]) - used == set()


def test_a_level_word_means_one_level() -> None:
    words = [word for each in LEVELS["words"].values() for word in each.split()]

    assert len(words) == len(set(words))
    assert set(LEVELS["inText"].split()) <= set(words)
    assert set(LEVELS["words"]) | set(LEVELS["letters"].values()) <= set(LEVELS["names"])


def test_the_piece_of_a_zone_has_every_abbreviation() -> None:
    zone = TABLE["pieces"]["zone"]

    assert set(re.findall(r"[A-Z]{3,4}", zone)) | {"Z"} == set(TABLE["zones"])


def test_every_scale_that_is_named_exists() -> None:
    named = {family["scale"] for family in TABLE["json"]["families"] if "scale" in family}

    assert named | set(TABLE["json"]["scales"].values()) <= set(LEVELS["scales"])
