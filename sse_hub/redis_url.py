"""
The URL of a Redis, checked before any library parses it, because mistakes are often in the password.

    text --> parse() --> RedisServers; or a ValueError that quotes no part of the text
         --> validate() --> the same text, if parse() takes it
         --> without_password(), passwords_in() --> the part that may be shown, and the parts that must not be

An unescaped `/`, `?` or `#` in a password turns its rest into a path, query or fragment, and its beginning into a port;
an unescaped `,` would turn it into a server. The errors of redis-py and of the system would quote these parts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, unquote_plus, urlsplit

Kind = Literal["single", "sentinel", "cluster"]

SCHEMES: dict[str, Kind] = {
    "redis": "single",
    "rediss": "single",
    "unix": "single",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
ESCAPES = (
    "in a password write %23 for #, %25 for %, %2C for a comma, %2F for /, %3F for ?, %40 for @, "
    "%5B for [ and %5D for ]"
)
FORM = (
    "must be redis://[user:password@]host:port/0, redis+sentinel://[user:password@]host:port,…/name/0 or "
    "redis+cluster://[user:password@]host:port,…, each with rediss instead of redis for TLS, "
    f"or unix://[user:password@]/path; {ESCAPES}"
)
# For an URL whose scheme is right already.
SENTINEL_FORM = (
    "must be {scheme}://[user:password@]host:port,…/name/0 with at most 64 Sentinels; name is what they call the "
    "primary, of letters, digits, . _ and -; " + ESCAPES
)
CLUSTER_FORM = "must be {scheme}://[user:password@]host:port,… with at most 64 nodes of the cluster; " + ESCAPES
FORMS: dict[Kind, str] = {"single": FORM, "sentinel": SENTINEL_FORM, "cluster": CLUSTER_FORM}
ONLY_DATABASE_0 = "must end with no database, or with /0: a cluster has only database 0"
HOST_LIMIT = 64
DEFAULT_HOST = "localhost"
DEFAULT_PORTS: dict[Kind, int] = {"single": 6379, "sentinel": 26379, "cluster": 6379}
# URL parsers drop these silently, so the hub would send a different password from the one in the URL.
BLANK = re.compile(r"[\x00-\x20\x7f]")
PARTS = re.compile(
    r"(?P<scheme>[a-z+]+)://(?P<user>(?:[^/?]*@)?)(?P<hosts>[^/?]*)(?P<path>[^?]*)(?:\?(?P<query>.*))?", re.DOTALL
)
HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})*\.?|[0-9A-Fa-f:.]+(?:%[\w.-]+)?")
DATABASE = re.compile(r"\d{1,9}", re.ASCII)
SOCKET = re.compile(r"/.+", re.DOTALL)
PATHS: dict[Kind, re.Pattern[str]] = {
    "single": re.compile(r"/?|/(?P<database>\d{1,9})", re.ASCII),
    # The characters that Sentinel allows in the name of a primary.
    "sentinel": re.compile(r"/(?P<name>[A-Za-z0-9._-]+)(?:/(?P<database>\d{1,9})?)?", re.ASCII),
    "cluster": re.compile(r"/?|/(?P<database>\d{1,9})", re.ASCII),
}
ANY = re.compile(r".+", re.DOTALL)
PARAMETERS = {"db": DATABASE, "username": ANY, "password": ANY}
SENTINEL_PARAMETERS = {"sentinel_username": ANY, "sentinel_password": ANY}
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
PASSWORDS = ("password", "sentinel_password")


@dataclass(frozen=True, slots=True)
class RedisServers:
    """
    What an URL says, decoded.

    `hosts` are names or addresses with their ports: of the server, of Sentinels, or of nodes of a cluster; none if the
    server is at the Unix socket `path`. `name` is what the Sentinels call the primary, '' without Sentinels.
    `username` and `password` are for Redis, `sentinel_username` and `sentinel_password` for the Sentinels; each is ''
    if it is not given. With `tls`, the other three are files for it.
    """

    kind: Kind
    hosts: tuple[tuple[str, int], ...]
    path: str | None
    name: str
    database: int
    username: str
    password: str = field(repr=False)
    sentinel_username: str
    sentinel_password: str = field(repr=False)
    tls: bool
    ca_certs: str | None
    certfile: str | None
    keyfile: str | None


class _Parts(NamedTuple):
    """An URL, cut but not decoded; `user` ends with its @, if there is one."""

    scheme: str
    user: str
    hosts: str
    path: str
    query: str

    @property
    def kind(self) -> Kind:
        return SCHEMES[self.scheme]

    @property
    def is_socket(self) -> bool:
        return self.scheme == "unix"

    @property
    def tls(self) -> bool:
        return self.scheme.startswith("rediss")


def parse(url: str) -> RedisServers:
    """What `url` says. Raises ValueError, which says what is allowed and quotes no part of `url`."""
    # Raised here, outside any `except`: a parser's error quotes the URL, and would be shown as the context of this one.
    servers = _read(url)
    if isinstance(servers, str):
        raise ValueError(servers)
    return servers


def validate(url: str) -> str:
    """`url` itself. Raises ValueError, as parse() does."""
    parse(url)
    return url


def without_password(url: str) -> str:
    """A valid `url` without user, password and parameters, as it may be shown."""
    parts = _cut(url)
    return f"{parts.scheme}://{parts.hosts}{parts.path}" if parts else ""


def passwords_in(url: str) -> frozenset[str]:
    """The passwords in a valid `url`, both as they are written there and decoded."""
    parts = _cut(url)
    if parts is None:
        return frozenset()
    written = parts.user.removesuffix("@").partition(":")[2]
    found = {written, unquote(written)}
    for parameter in parts.query.split("&"):
        name, _, value = parameter.partition("=")
        if unquote_plus(name) in PASSWORDS:
            found |= {value, unquote_plus(value)}
    return frozenset(filter(None, found))


def _read(url: str) -> RedisServers | str:
    """What `url` says, or what is wrong with it."""
    parts = _cut(url)
    if parts is None:
        return FORM
    form = FORMS[parts.kind].format(scheme=parts.scheme)
    servers = _servers(parts)
    path = (SOCKET if parts.is_socket else PATHS[parts.kind]).fullmatch(parts.path)
    # An @ there belongs to a password with an unescaped character.
    if not servers or path is None or "@" in parts.path + parts.query:
        return form
    given = parse_qsl(parts.query, keep_blank_values=True)
    wrong = _invalid_parameter(parts, given)
    if wrong:
        return wrong
    found, parameters = path.groupdict(), dict(given)
    database = int(parameters.get("db") or found.get("database") or 0)
    if parts.kind == "cluster" and database:
        return ONLY_DATABASE_0
    port = DEFAULT_PORTS[parts.kind]
    hosts = dict.fromkeys((unquote(each.hostname or DEFAULT_HOST), each.port or port) for each in servers)
    if len(hosts) > HOST_LIMIT:
        return form
    return RedisServers(
        kind=parts.kind,
        hosts=() if parts.is_socket else tuple(hosts),
        path=unquote(parts.path) if parts.is_socket else None,
        name=found.get("name") or "",
        database=database,
        username=unquote(servers[0].username or "") or parameters.get("username", ""),
        password=unquote(servers[0].password or "") or parameters.get("password", ""),
        sentinel_username=parameters.get("sentinel_username", ""),
        sentinel_password=parameters.get("sentinel_password", ""),
        tls=parts.tls,
        ca_certs=parameters.get("ssl_ca_certs"),
        certfile=parameters.get("ssl_certfile"),
        keyfile=parameters.get("ssl_keyfile"),
    )


def _cut(url: str) -> _Parts | None:
    cut = PARTS.fullmatch(url)
    if cut is None or cut["scheme"] not in SCHEMES or "#" in url or BLANK.search(url):
        return None
    return _Parts(*cut.groups(default=""))


def _servers(parts: _Parts) -> list[SplitResult]:
    """Each server as the URL of a single one, with user and password; none if something is wrong with one of them."""
    is_list = parts.kind != "single"
    # There, a second @ may be that of another server with its own password, and a comma the end of a first server.
    if (is_list and ("," in parts.user or parts.user.count("@") > 1)) or (parts.is_socket and parts.hosts):
        return []
    try:
        servers = [
            urlsplit(f"redis://{parts.user}{host}") for host in (parts.hosts.split(",") if is_list else [parts.hosts])
        ]
        good = all(_is_server(server, may_lack_host=not is_list) for server in servers)
    except ValueError:
        return []
    return servers if good else []


def _is_server(server: SplitResult, may_lack_host: bool) -> bool:
    """Whether host and port are valid. Raises ValueError if the port is not a number of a port."""
    host_is_good = HOST.fullmatch(server.hostname) is not None if server.hostname else may_lack_host
    return server.port != 0 and host_is_good


def _invalid_parameter(parts: _Parts, given: list[tuple[str, str]]) -> str | None:
    # Messages contain only names of known schemes and parameters, never the user's text.
    names = [name for name, _ in given]
    allowed: Mapping[str, re.Pattern[str]] = (
        PARAMETERS | (SENTINEL_PARAMETERS if parts.kind == "sentinel" else {}) | (TLS_PARAMETERS if parts.tls else {})
    )
    for name, value in given:
        if name in TLS_PARAMETERS and name not in allowed:
            return f"{name} needs a connection with TLS ({_with_tls(parts.scheme)}://)"
        if name in SENTINEL_PARAMETERS and name not in allowed:
            return f"{name} needs Sentinels ({'rediss' if parts.tls else 'redis'}+sentinel://)"
        if name in CHECKS and not allowed[name].fullmatch(value):
            return f"{name} must not switch verification off: the server's certificate and name are always checked"
        if name not in allowed:
            return f"its parameters must be among {', '.join(allowed)}"
        if not allowed[name].fullmatch(value) or names.count(name) > 1:
            return f"its {name} is invalid or given twice"
    return None


def _with_tls(scheme: str) -> str:
    return "rediss" if scheme == "unix" else scheme.replace("redis", "rediss", 1)
