"""
The settings: read once, checked once, frozen, and passed in.

    --option, else SSE_HUB_OPTION, else the default --> Config.read() --> Config

The fields below are the only list of settings there is: the command line, the environment variables and the
table in the README all follow from it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from typing import Any

from sse_hub.errors import InvalidSetting
from sse_hub.redis_url import validate

ACCESS = ("none", "token", "proxy")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
DURATION = re.compile(r"([1-9]\d{0,8})([smhd])", re.ASCII)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
ORIGIN = re.compile(r"https?://[a-z0-9._-]+(:\d{1,5})?|https?://\[[0-9a-f:.]+\](:\d{1,5})?")
INGEST_PATTERN = re.compile(r"[A-Za-z0-9._:/@+*-]{1,128}")


def _text(value: str) -> str:
    if not value:
        raise ValueError("it must not be empty")
    return value


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.strip().isdecimal() or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low} to {high} is wanted")
        return int(value)

    return parse


def _switch(value: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError("one of true, false, 1, 0 is wanted")
    return words[value.lower()]


def _patterns(value: str) -> tuple[str, ...]:
    patterns = tuple(dict.fromkeys(value.replace(",", " ").split()))
    if not patterns or not all(INGEST_PATTERN.fullmatch(pattern) for pattern in patterns):
        raise ValueError("channel patterns of letters, digits, . _ : / @ + - and * are wanted")
    return patterns


def _duration(value: str) -> str:
    if not DURATION.fullmatch(value):
        raise ValueError("a time as in 90s, 30m, 24h or 7d is wanted")
    return value


def _access(value: str) -> str:
    if value.lower() not in ACCESS:
        raise ValueError(f"one of {', '.join(ACCESS)} is wanted")
    return value.lower()


def _networks(value: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(each)) for each in value.replace(",", " ").split())
    except ValueError:
        raise ValueError("addresses or networks such as 10.0.0.7 or 10.0.0.0/8 are wanted") from None


def _header(value: str) -> str:
    if not HEADER.fullmatch(value):
        raise ValueError("the name of a header is wanted")
    return value


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(dict.fromkeys(value.replace(",", " ").split()))
    # Neither `*` nor `null`: anybody's page can have those.
    if not all(ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("origins such as https://app.example are wanted, in small letters, without a path")
    return origins


def _log_level(value: str) -> str:
    if value.lower() not in LOG_LEVELS:
        raise ValueError(f"one of {', '.join(LOG_LEVELS)} is wanted")
    return value.lower()


def _log_format(value: str) -> str:
    if value.lower() not in LOG_FORMATS:
        raise ValueError(f"one of {', '.join(LOG_FORMATS)} is wanted")
    return value.lower()


def _setting(default: object, parse: Callable[[str], object], help: str, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"parse": parse, "help": help, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of a hub process. Units stand in the names."""

    host: str = _setting("127.0.0.1", _text, "Address to listen on.")
    port: int = _setting(8091, _integer(1, 65535), "Port to listen on.")
    workers: int = _setting(1, _integer(1, 64), "Processes that answer requests.")
    redis_url: str | None = _setting(
        None, validate, "Redis to read from (also REDIS_URL). Without it an embedded server is started.", secret=True
    )
    ingest: tuple[str, ...] = _setting(
        ("*",), _patterns, "Channels to follow even when nobody watches, as a pattern with *. Repeatable."
    )
    demo: bool = _setting(False, _switch, "Run demo publishers.")
    retain_lines: int = _setting(100_000, _integer(1, 1_000_000_000), "Lines recorded per channel.")
    retain_time: str = _setting("24h", _duration, "How long recorded lines are kept: 90s, 30m, 24h, 7d.")
    ring_lines: int = _setting(50_000, _integer(100, 10_000_000), "Last lines kept in memory per channel.")
    ring_megabytes: int = _setting(256, _integer(1, 1_000_000), "Memory for the last lines of all channels.")
    line_bytes: int = _setting(1_048_576, _integer(1_000, 64_000_000), "Longer lines arrive cut to this.")
    heartbeat_seconds: int = _setting(15, _integer(1, 600), "Time between heartbeats on a stream, ±20 %.")
    stall_seconds: int = _setting(120, _integer(5, 3600), "A subscriber that takes no byte this long is closed.")
    streams_per_address: int | None = _setting(
        None,
        _integer(0, 1_000_000),
        "Streams open at a time from one address (IPv6: from one /64); 0: any number. Not set: 64, but any number "
        "from this machine.",
    )
    streams_per_subject: int = _setting(
        32, _integer(0, 1_000_000), "Streams open at a time of one who has signed in; 0: any number."
    )
    streams_total: int | None = _setting(
        None,
        _integer(1, 10_000_000),
        "Streams open at a time. Not set: as many as the process may open files for.",
    )
    channels_per_stream: int = _setting(32, _integer(1, 32), "Channels and patterns of one stream.")
    channel_lines_per_second: int = _setting(
        0,
        _integer(0, 1_000_000),
        "Lines of one channel delivered live in a second, the rest told as a gap; 0: all.",
    )
    publish_lines_per_second: int | None = _setting(
        None,
        _integer(0, 10_000_000),
        "Lines a second that one subject, or one address, may POST; 0: any number. Not set: 10000, but any number from "
        "this machine.",
    )
    body_bytes: int = _setting(16_777_216, _integer(1_000, 64_000_000), "Longer bodies of POST /publish are refused.")
    body_seconds: int = _setting(60, _integer(1, 600), "Time in which a request's body must have come.")
    url_bytes: int = _setting(4_096, _integer(256, 8_000), "Longer URLs are refused.")
    header_bytes: int = _setting(8_192, _integer(1_000, 8_192), "A request with longer headers is refused.")
    header_seconds: int = _setting(10, _integer(1, 60), "Time in which a request's head must have come.")
    drain_seconds: int = _setting(1, _integer(0, 600), "Over this time a hub that stops ends its streams.")
    access: str | None = _setting(
        None, _access, "Who is let in: none asks nobody, token, proxy. On loopback it is none; elsewhere say which."
    )
    token_keys: str | None = _setting(None, _text, "JWKS file with the keys that tokens are checked with.")
    token_audience: str = _setting("sse-hub", _text, "What a token must have as its audience (aud).")
    token_issuer: str | None = _setting(None, _text, "What a token must have as its issuer (iss).")
    proxy_peers: tuple[str, ...] = _setting(
        (), _networks, "Address or network of a proxy that says who asks. Repeatable."
    )
    proxy_user_header: str = _setting("Remote-User", _header, "Header in which the proxy names who asks.")
    proxy_groups_header: str = _setting("Remote-Groups", _header, "Header in which the proxy lists their groups.")
    proxy_rules: str | None = _setting(None, _text, "TOML file that says what users and groups may see and publish.")
    cors_origin: tuple[str, ...] = _setting(
        (), _origins, "Origin of another site whose pages may ask, as https://app.example. Repeatable."
    )
    log_level: str = _setting("info", _log_level, "What the hub itself logs: debug, info, warning or error.")
    log_format: str = _setting("text", _log_format, "Form of what the hub itself logs: text or json.")

    @property
    def retain_ms(self) -> int:
        """`retain_time` in milliseconds."""
        number, unit = self.retain_time[:-1], self.retain_time[-1]
        return int(number) * SECONDS[unit] * 1000

    @classmethod
    def read(cls, options: Mapping[str, str | None], environ: Mapping[str, str]) -> "Config":
        """
        The settings from command-line `options` (field name to text, None where not given) and `environ`.

        Raises InvalidSetting naming the option or variable, the value it has unless that is secret, and what is
        allowed.
        """
        values: dict[str, object] = {}
        for each in fields(cls):
            source, text = cls._value_of(each.name, options, environ)
            if text is None:
                continue
            try:
                values[each.name] = each.metadata["parse"](text)
            except ValueError as error:
                shown = source if each.metadata["secret"] else f"{source}={text!r}"
                raise InvalidSetting(f"{shown} can't be used: {error}.") from None
        return cls(**values)  # type: ignore[arg-type]  # each parser gives its field's type

    @staticmethod
    def _value_of(name: str, options: Mapping[str, str | None], environ: Mapping[str, str]) -> tuple[str, str | None]:
        if options.get(name) is not None:
            return "--" + name.replace("_", "-"), options[name]
        variable = "SSE_HUB_" + name.upper()
        if variable in environ:
            return variable, environ[variable]
        # REDIS_URL is what platforms and Compose files set for every program; no other name is read without prefix.
        if name == "redis_url" and environ.get("REDIS_URL"):
            return "REDIS_URL", environ["REDIS_URL"]
        return name, None
