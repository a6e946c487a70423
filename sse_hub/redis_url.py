"""
The URL of a Redis, looked at before anything else does: what is wrong with one is, as like as not, in its password.

    text --> checked() --> the same text, which redis-py takes as it is meant; or ValueError that quotes nothing of it
         --> without_password(), passwords_in() --> what may be shown of it, and what must not be

A `/`, `?` or `#` that a password has unescaped makes its rest a path, a query or a fragment, and its beginning a port:
redis-py, and the system's own errors, would tell all of these.
"""

import re
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

SCHEMES = ("redis://", "rediss://", "unix://")
FORM = (
    "redis://[user:password@]host:port/0, rediss://… or unix://[user:password@]/path is wanted, "
    "and in a password %23 for #, %25 for %, %2F for /, %3F for ?, %40 for @, %5B for [ and %5D for ]"
)
# Stripped or dropped without a word by who parses URLs, so that another password than the one seen would be sent.
BLANK = re.compile(r"[\x00-\x20\x7f]")
HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})*\.?|[0-9A-Fa-f:.]+(?:%[\w.-]+)?")
DATABASE = re.compile(r"\d{1,9}", re.ASCII)
ANY = re.compile(r".+", re.DOTALL)
PARAMETERS = {"db": DATABASE, "username": ANY, "password": ANY}
# What a hub's own session knows, which is less than redis-py does. The last two say what is so anyway: other programs
# need them in the URL that all share.
TLS_PARAMETERS = {
    "ssl_ca_certs": ANY,
    "ssl_certfile": ANY,
    "ssl_keyfile": ANY,
    "ssl_cert_reqs": re.compile("required"),
    "ssl_check_hostname": re.compile("1|true|yes", re.IGNORECASE),
}
CHECKS = ("ssl_cert_reqs", "ssl_check_hostname")


def validate(url: str) -> str:
    """`url` itself. Raises ValueError saying what is wanted, without a word out of `url`."""
    # Not where a parser's error is at hand: that quotes, and would be told along with this one.
    wrong = _invalid(url)
    if wrong:
        raise ValueError(wrong)
    return url


def without_password(url: str) -> str:
    """The address of the server at a `url` that is checked, as it may be shown."""
    parsed = urlsplit(url)
    return f"{parsed.scheme}://{parsed.netloc.rsplit('@')[-1]}{parsed.path}"


def passwords_in(url: str) -> frozenset[str]:
    """The passwords in a `url` that is checked, as they are spelt there and as they are meant."""
    parsed = urlsplit(url)
    spelt = [parsed.password or "", *re.findall(r"(?:^|&)password=([^&]*)", parsed.query)]
    meant = [unquote(parsed.password or ""), *(value for name, value in parse_qsl(parsed.query) if name == "password")]
    return frozenset(filter(None, (*spelt, *meant)))


def _invalid(url: str) -> str | None:
    parsed = _parse(url)
    if parsed is None or not (_is_path(parsed) if parsed.scheme == "unix" else _is_host(parsed)):
        return FORM
    # Beyond the first part it can only be one that had to stand before it.
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
    # Names stand in a message only where they are ours.
    given = parse_qsl(parsed.query, keep_blank_values=True)
    names = [name for name, _ in given]
    allowed = PARAMETERS | TLS_PARAMETERS if parsed.scheme == "rediss" else PARAMETERS
    for name, value in given:
        if name in TLS_PARAMETERS and name not in allowed:
            return f"{name} is for rediss://, and this is a connection without TLS"
        if name in CHECKS and not allowed[name].fullmatch(value):
            return f"{name} must not switch verification off: the server's certificate and name are always checked"
        if name not in allowed:
            return f"of parameters only {', '.join(allowed)} are taken"
        if not allowed[name].fullmatch(value) or names.count(name) > 1:
            return f"its {name} can't be used"
    return None
