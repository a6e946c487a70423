"""
What a request says of who sends it, and whether another site's page made a browser send it. Pure; no I/O.

    request --> Knock --> refuse_foreign(), for requests that a browser signs in by itself: cookies, a proxy's session

`EventSource` and a form of another site carry a cookie along without being asked, so a cookie alone proves nothing.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from sse_hub.errors import ForeignOrigin, Unauthenticated


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    `peer` is the address at the other end of the connection, `values` gives all values of a header.

    `changes` is true where the request asks for a change, as POST does.
    """

    peer: str
    values: Callable[[str], Sequence[str]]
    cookie: str | None = None
    ticket: str | None = None
    changes: bool = False

    def value(self, name: str) -> str | None:
        """The one value of the header `name`. Raises NotSignedIn where there are several: nobody knows which counts."""
        values = self.values(name)
        if len(values) > 1:
            raise Unauthenticated(f"There is more than one {name} header.")
        return values[0] if values else None


def is_foreign_origin(credentials: Credentials, allowed: Collection[str]) -> bool:
    """
    True for a request that a browser made for a page from elsewhere, unless its origin is one of `allowed`.

    Its user may reach this hub where the page's author can't. Programs send neither of the headers that tell.
    """
    for origin in credentials.values("origin"):
        if origin not in allowed and not is_same_origin(origin, credentials.values("host")):
            return True
    if credentials.values("origin"):
        return False
    # Not "same-site" either: a sibling domain may be anybody's.
    return any(value not in ("same-origin", "none") for value in credentials.values("sec-fetch-site"))


def reject_foreign_origin(credentials: Credentials, allowed: Collection[str]) -> None:
    """Raises ForeignOrigin for what is_foreign()."""
    if is_foreign_origin(credentials, allowed):
        origin = next(iter(credentials.values("origin")), "another site")
        raise ForeignOrigin(f"A page of {origin[:140]!r} may not ask for this.")


def reject_unproven_origin(credentials: Credentials) -> None:
    """Raises ForeignOrigin for a change of which no header says that a browser made it for our own page."""
    if (
        credentials.changes
        and not credentials.values("origin")
        and "same-origin" not in credentials.values("sec-fetch-site")
    ):
        raise ForeignOrigin("With a cookie, a change needs an Origin header; programs use Authorization: Bearer.")


def is_same_origin(origin: str, hosts: Sequence[str]) -> bool:
    """True when `origin` is the host that was asked. Its scheme is the proxy's matter, which may speak TLS for us."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and len(hosts) == 1 and parts.netloc.lower() == hosts[0].lower()
