"""
The URL of a Redis, checked before any library parses it, because mistakes are often in the password.

    text --> validate() --> the same text, which redis-py parses as intended; or a ValueError that quotes none of it
         --> without_password(), passwords_in() --> the part that may be shown, and the parts that must not be

An unescaped `/`, `?` or `#` in a password turns its rest into a path, query or fragment, and its beginning into a port.
The errors of redis-py and of the system would quote these parts.
"""

import re
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

SCHEMES = ("redis://", "rediss://", "unix://")
FORM = (
    "must be redis://[user:password@]host:port/0, rediss://… or unix://[user:password@]/path; "
    "in a password write %23 for #, %25 for %, %2F for /, %3F for ?, %40 for @, %5B for [ and %5D for ]"
)
# URL parsers drop these silently, so the hub would send a different password from the one in the URL.
BLANK = re.compile(r"[\x00-\x20\x7f]")
HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})*\.?|[0-9A-Fa-f:.]+(?:%[\w.-]+)?")
DATABASE = re.compile(r"\d{1,9}", re.ASCII)
ANY = re.compile(r".+", re.DOTALL)
PARAMETERS = {"db": DATABASE, "username": ANY, "password": ANY}
# The parameters that a hub's own session supports, which are fewer than redis-py's. The last two may only have the
# values that always apply; they are accepted because other programs may need them in a shared URL.
TLS_PARAMETERS = {
    "ssl_ca_certs": ANY,
    "ssl_certfile": ANY,
    "ssl_keyfile": ANY,
    "ssl_cert_reqs": re.compile("required"),
    "ssl_check_hostname": re.compile("1|true|yes", re.IGNORECASE),
}
CHECKS = ("ssl_cert_reqs", "ssl_check_hostname")


def validate(url: str) -> str:
    """`url` itself. Raises ValueError, which says what is allowed and quotes no part of `url`."""
    # Raised here, outside any `except`: a parser's error quotes the URL, and would be shown as the context of this one.
    wrong = _invalid(url)
    if wrong:
        raise ValueError(wrong)
    return url


def without_password(url: str) -> str:
    """A valid `url` without user, password and parameters, as it may be shown."""
    parsed = urlsplit(url)
    return f"{parsed.scheme}://{parsed.netloc.rsplit('@')[-1]}{parsed.path}"


def passwords_in(url: str) -> frozenset[str]:
    """The passwords in a valid `url`, both as they are written there and decoded."""
    parsed = urlsplit(url)
    written = [parsed.password or "", *re.findall(r"(?:^|&)password=([^&]*)", parsed.query)]
    decoded = [
        unquote(parsed.password or ""),
        *(value for name, value in parse_qsl(parsed.query) if name == "password"),
    ]
    return frozenset(filter(None, (*written, *decoded)))


def _invalid(url: str) -> str | None:
    parsed = _parse(url)
    if parsed is None or not (_is_path(parsed) if parsed.scheme == "unix" else _is_host(parsed)):
        return FORM
    # An @ there belongs to a password with an unescaped character.
    if "@" in parsed.path + parsed.query:
        return FORM
    return _invalid_parameter(parsed)


def _parse(url: str) -> SplitResult | None:
    if not url.startswith(SCHEMES) or "#" in url or BLANK.search(url):
        return None
    try:
        parsed = urlsplit(url)
        return None if parsed.port == 0 else parsed
    except ValueError:
        return None


def _is_path(parsed: SplitResult) -> bool:
    return parsed.netloc[-1:] in ("", "@") and len(parsed.path) > 1


def _is_host(parsed: SplitResult) -> bool:
    number = parsed.path.removeprefix("/")
    host_is_good = not parsed.hostname or HOST.fullmatch(parsed.hostname)
    return bool(host_is_good and (not number or DATABASE.fullmatch(number)))


def _invalid_parameter(parsed: SplitResult) -> str | None:
    # Messages contain only names of known parameters, never the user's text.
    given = parse_qsl(parsed.query, keep_blank_values=True)
    names = [name for name, _ in given]
    allowed = PARAMETERS | TLS_PARAMETERS if parsed.scheme == "rediss" else PARAMETERS
    for name, value in given:
        if name in TLS_PARAMETERS and name not in allowed:
            return f"{name} needs a connection with TLS (rediss://)"
        if name in CHECKS and not allowed[name].fullmatch(value):
            return f"{name} must not switch verification off: the server's certificate and name are always checked"
        if name not in allowed:
            return f"its parameters must be among {', '.join(allowed)}"
        if not allowed[name].fullmatch(value) or names.count(name) > 1:
            return f"its {name} is invalid or given twice"
    return None
