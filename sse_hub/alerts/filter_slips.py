"""
Words of other languages in the filter of a rule: there they are texts to look for, so the rule would never fire, and
nobody would know. Pure: no I/O.

    "level == error AND user='u7'", its terms --> check_slips(): InvalidFilter, with what to write instead

A filter that somebody types on the page shows at once that it finds nothing, so there these words stay texts.
"""

import re
from collections.abc import Iterable

from sse_hub.errors import InvalidFilter
from sse_hub.filters.parse import ExpressionTerm, FieldTerm, TextTerm

SIDE_BY_SIDE = "terms that stand side by side must all match"
WORDS = {
    "AND": SIDE_BY_SIDE,
    "&&": SIDE_BY_SIDE,
    "||": "write OR between terms of which one must match",
    "NOT": "write -term for lines that must not match a term",
    "!": "write -term for lines that must not match a term",
} | dict.fromkeys(
    ("=", "==", "!=", "<", ">", "<=", ">=", "~", "=~", "!~"), "write name, sign and value without blanks: status>=500"
)
TWO_SIGNS = re.compile(r"-?[^\"=<>~!]+(==|=~)")
SINGLE_QUOTE = re.compile(r"-?([^\"=<>~!]+!?[=~])?'")


def check_slips(text: str, terms: Iterable[TextTerm | ExpressionTerm | FieldTerm]) -> None:
    """Raises InvalidFilter if one of `terms`, which are those of `text`, was meant as something else."""
    for term in terms:
        start, end = term.span
        source = text[start:end]
        if isinstance(term, TextTerm) and source in WORDS:
            advice = f'{WORDS[source]}; "{source}" in quotes is the text'
        elif isinstance(term, FieldTerm) and (found := TWO_SIGNS.match(source)):
            advice = f"write {'=' if found[1] == '==' else '~'} instead of {found[1]}"
        elif not isinstance(term, ExpressionTerm) and SINGLE_QUOTE.match(source):
            advice = "write double quotes around a text with blanks; a text that begins with ' needs them, too"
        else:
            continue
        raise InvalidFilter(f"{source[:80]} finds only lines that have it as a text: {advice}.", start, end)
