"""
A first look at the bytes of a line for an HTTP request, which has fields without names, such as its status. Pure: no
I/O.

    look_for_statuses(("503", …))(b'10.0.0.1 - - […] "GET / HTTP/1.1" 503 7') --> True
"""

from collections.abc import Callable
from functools import lru_cache

from sse_hub.filters.quick_search import quick_search
from sse_hub.formats.table import TABLE

_VERB = TABLE["pieces"]["verb"]
# As access logs have them: three digits, and -1 for none.
STATUSES = {"-1": -1} | {f"{status:03}": status for status in range(1_000)}


def _with_status(status: str) -> str:
    """Where a status stands: behind a blank, and if anything may follow, behind what was asked for or a result."""
    return (
        rf"(?:[\t |]|\\t){status}(?:[\t )\\\x22]|$)|\x22[\t ]+{status}|[A-Z_]/{status}"
        rf"|{_VERB}(?:[\t ]|\\t)[^\t ]+[\t ]+{status}"
    )


may_be_request = quick_search(rf"HTTP/|{_with_status('(?:[0-9][0-9][0-9]|-1)')}|{_VERB}(?:[\t ]|\\t)".encode())
"""Whether a line may be about a request."""

# What all formats have in which a status stands without its name.
_SIGN = quick_search(rf"\x22|HTTP/|Completed |TCP|UDP|NONE|{_VERB}".encode())


# The same function for the same statuses: one look for all filters.
@lru_cache(maxsize=256)
def look_for_statuses(statuses: tuple[str, ...]) -> Callable[[bytes], bool]:
    """Whether a line may be about a request with one of these statuses."""
    if not statuses:
        return lambda _payload: False
    known = frozenset(statuses)
    hundreds = [first for first in "0123456789" if known.issuperset(f"{first}{rest:02}" for rest in range(100))]
    forms = [status for status in statuses if status[0] not in hundreds]
    if hundreds:
        forms.append(f"[{''.join(hundreds)}][0-9][0-9]")
    search = quick_search(_with_status(f"(?:{'|'.join(forms)})").encode())
    return lambda payload: search(payload) and _SIGN(payload)
