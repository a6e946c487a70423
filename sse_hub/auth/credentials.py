"""
The credentials of a request, and whether a page of another site made a browser send it. Pure; no I/O.

    request --> Credentials --> reject_foreign_origin(), where a browser adds credentials by itself: a cookie, a proxy's

A browser adds the cookie to an `EventSource` or a form of any other site, so a cookie alone proves nothing.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from sse_hub.errors import ForeignOrigin, Unauthenticated


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    `peer` is the address at the other end of the connection; `header_values` returns all values of a header.

    `unsafe` is true for a method that may change something, such as POST (RFC 9110, section 9.2.1).
    """

    peer: str
    header_values: Callable[[str], Sequence[str]]
    cookie: str | None = None
    ticket: str | None = None
    unsafe: bool = False

    def header(self, name: str) -> str | None:
        """The value of the header `name`. Raises Unauthenticated if there are several: it is unknown which counts."""
        values = self.header_values(name)
        if len(values) > 1:
            raise Unauthenticated(f"There is more than one {name} header.")
        return values[0] if values else None


def is_foreign_origin(credentials: Credentials, allowed: Collection[str]) -> bool:
    """
    True for a request that a page of another site made a browser send, unless its origin is one of `allowed`.

    The browser's user may reach this hub where the page's author can't. Programs send neither of the two headers.
    """
    for origin in credentials.header_values("origin"):
        if origin not in allowed and not is_same_origin(origin, credentials.header_values("host")):
            return True
    if credentials.header_values("origin"):
        return False
    # "same-site" is foreign, too: a sibling domain may belong to anybody.
    return any(value not in ("same-origin", "none") for value in credentials.header_values("sec-fetch-site"))


def reject_foreign_origin(credentials: Credentials, allowed: Collection[str]) -> None:
    """Raises ForeignOrigin if `is_foreign_origin`."""
    if is_foreign_origin(credentials, allowed):
        origin = next(iter(credentials.header_values("origin")), "another site")
        raise ForeignOrigin(f"A page of {origin[:140]!r} may not send this request.")


def reject_unproven_origin(credentials: Credentials) -> None:
    """Raises ForeignOrigin for an unsafe request without a header that proves it was sent by our own page."""
    if (
        credentials.unsafe
        and not credentials.header_values("origin")
        and "same-origin" not in credentials.header_values("sec-fetch-site")
    ):
        raise ForeignOrigin("With a cookie, a change needs an Origin header; programs use Authorization: Bearer.")


def is_same_origin(origin: str, hosts: Sequence[str]) -> bool:
    """True when `origin` has the host of the request. Its scheme doesn't count: a proxy may terminate TLS."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and len(hosts) == 1 and parts.netloc.lower() == hosts[0].lower()
