"""
The page's words as they are sent: a language is the list of its words, and the script knows the keys, once for all.

    {"bar.stop": "Stop", "bar.go": "Go"}  -->  ["Go", "Stop"]  and, in the script, "bar.go bar.stop".split(" ")

A page of another version has other keys, so it is sent them.
"""

import json
from collections.abc import Mapping


def without_keys(languages: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """
    The keys of all languages, and for each its words in their order, null for one that it has no words for.

    Takes and gives JSON by name. ValueError: a language is no table of words.
    """
    tables: dict[str, dict[str, str]] = {name: json.loads(text) for name, text in languages.items()}
    keys = sorted(set().union(*tables.values()))
    words = {name: [table.get(key) for key in keys] for name, table in tables.items()}
    return keys, {name: json.dumps(texts, ensure_ascii=False) for name, texts in words.items()}


def module_of(keys: list[str]) -> str:
    """The page's module that knows the keys."""
    return f'export const KEYS = "{" ".join(keys)}".split(" ");\n'
