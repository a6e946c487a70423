"""
Whether bytes contain what an expression of our own describes, without saying where. Pure: no I/O.

    quick_search(rb"[0-9.][eE]")(b"1e3") --> True

`re2.compile(…).search` makes an object for what it finds, and takes half as long again; a set of one does not. A set
has no other way when its automaton has no room, so it is for small expressions, and not for those that people type.
"""

from collections.abc import Callable
from typing import Any

import re2


def quick_search(source: bytes) -> Callable[[bytes], bool]:
    """The search for `source`, in the syntax of RE2, for bytes."""
    match = quick_signs(source)
    # Matches are the numbers of the expressions: [0].
    return lambda text: bool(match(text))


def quick_signs(*sources: bytes) -> Callable[[bytes], list[int] | None]:
    """The search for several expressions at once, which finds the numbers of those that are in some bytes."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    all_of_them: Any = re2.Set.SearchSet(options)
    for source in sources:
        all_of_them.Add(source)
    all_of_them.Compile()
    match: Callable[[bytes], list[int] | None] = all_of_them.Match
    return match
