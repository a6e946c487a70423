"""
The settings: read once, checked once, frozen, and passed in.

    --option, else SSE_HUB_OPTION, else the default --> Config.read() --> Config

The fields of `Config` are the only list of settings: the command line and the environment variables are made from it,
and tests compare it with the tables in the documentation.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from typing import Any

from sse_hub.durations import parse_duration
from sse_hub.errors import InvalidSetting, error_text
from sse_hub.redis_url import validate

ACCESS = ("none", "token", "proxy")
# What --host begins with for a Unix socket.
UNIX = "unix:"
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
ORIGIN = re.compile(r"https?://[a-z0-9._-]+(:\d{1,5})?|https?://\[[0-9a-f:.]+\](:\d{1,5})?")
INGEST_PATTERN = re.compile(r"[A-Za-z0-9._:/@+*-]{1,128}")


def _text(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def _host(value: str) -> str:
    if value.startswith(UNIX) and not value.removeprefix(UNIX).startswith("/"):
        raise ValueError("must have an absolute path: unix:/run/sse-hub/hub.sock")
    return _text(value)


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.strip().isdecimal() or not low <= int(value) <= high:
            raise ValueError(f"must be an integer from {low} to {high}")
        return int(value)

    return parse


def _switch(value: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError("must be true, false, 1 or 0")
    return words[value.lower()]


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value.lower()

    return parse


def _patterns(value: str) -> tuple[str, ...]:
    patterns = tuple(dict.fromkeys(value.replace(",", " ").split()))
    if not patterns or not all(INGEST_PATTERN.fullmatch(pattern) for pattern in patterns):
        raise ValueError("must be channel patterns of letters, digits, . _ : / @ + - and *")
    return patterns


def _duration(value: str) -> str:
    parse_duration(value)
    return value


def _networks(value: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(each)) for each in value.replace(",", " ").split())
    except ValueError:
        raise ValueError("must be addresses or networks such as 10.0.0.7 or 10.0.0.0/8") from None


def _header(value: str) -> str:
    if not HEADER.fullmatch(value):
        raise ValueError("must be the name of an HTTP header")
    return value


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(dict.fromkeys(value.replace(",", " ").split()))
    # Neither `*` nor `null`: any page can have the origin `null`.
    if not all(ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("must be origins such as https://app.example, in lower case and without a path")
    return origins


def _setting(default: object, parse: Callable[[str], object], help: str, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"parse": parse, "help": help, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of a hub process. Names of numbers contain the unit."""

    host: str = _setting(
        "127.0.0.1", _host, "Address to listen on, or unix:/path for a Unix socket, which has no port."
    )
    port: int = _setting(8091, _integer(1, 65535), "Port to listen on.")
    workers: int = _setting(1, _integer(1, 64), "Processes that answer requests, one core each.")
    redis_url: str | None = _setting(
        None,
        validate,
        "Redis to read from (also REDIS_URL). Without it the hub starts an embedded server.",
        secret=True,
    )
    ingest: tuple[str, ...] = _setting(
        ("*",), _patterns, "Channels to follow even when nobody watches them, as a pattern with *. Repeatable."
    )
    demo: bool = _setting(False, _switch, "Run demo publishers, with rules for alerts if --rules gives none.")
    retain_lines: int = _setting(100_000, _integer(1, 1_000_000_000), "Lines recorded per channel.")
    retain_time: str = _setting("24h", _duration, "How long recorded lines are kept: 90s, 30m, 24h, 7d.")
    retain_megabytes: int = _setting(64, _integer(1, 1_000_000), "Memory of Redis for the recorded lines of a channel.")
    retain_channels: int = _setting(
        20_000, _integer(100, 10_000_000), "Channels recorded. With more, those of the largest groups are forgotten."
    )
    new_channels_per_second: int = _setting(
        100,
        _integer(0, 1_000_000),
        "Channels never seen before that are taken per second, and 100 times as many at once. 0: all.",
    )
    ring_lines: int = _setting(50_000, _integer(100, 10_000_000), "Last lines kept in memory per channel.")
    ring_megabytes: int = _setting(256, _integer(1, 1_000_000), "Memory for the last lines of all channels.")
    line_bytes: int = _setting(1_048_576, _integer(1_000, 64_000_000), "Longer lines are cut to this length.")
    heartbeat_seconds: int = _setting(15, _integer(1, 600), "Time between heartbeats on a stream, ±20 %.")
    stall_seconds: int = _setting(
        120, _integer(5, 3600), "A subscriber that takes no byte for this long is disconnected."
    )
    streams_per_address: int | None = _setting(
        None,
        _integer(0, 1_000_000),
        "Concurrent streams per address (IPv6: per /64). Not set: 64, but no limit for this machine. 0: no limit.",
    )
    streams_per_subject: int = _setting(
        32, _integer(0, 1_000_000), "Concurrent streams per authenticated subject. 0: no limit."
    )
    streams_total: int | None = _setting(
        None,
        _integer(1, 10_000_000),
        "Concurrent streams in all. Not set: the limit of open files minus 256.",
    )
    channels_per_stream: int = _setting(32, _integer(1, 32), "Channels and patterns per request.")
    channel_lines_per_second: int = _setting(
        0,
        _integer(0, 1_000_000),
        "Lines per second of one channel that are delivered live; the rest is reported as a gap. 0: all.",
    )
    filter_cpu_percent: int = _setting(
        50,
        _integer(1, 100),
        "Part of a core that filters (q=) of live streams may take; lines that they had no time for are reported as a "
        "gap.",
    )
    publish_lines_per_second: int | None = _setting(
        None,
        _integer(0, 10_000_000),
        "Lines per second that one subject, or without authentication one address, may POST. Not set: 10000, but no "
        "limit for this machine. 0: no limit.",
    )
    body_bytes: int = _setting(16_777_216, _integer(1_000, 64_000_000), "Maximum body of POST /publish.")
    body_seconds: int = _setting(60, _integer(1, 600), "Time within which a body must arrive.")
    url_bytes: int = _setting(4_096, _integer(256, 8_000), "Maximum length of a URL.")
    header_bytes: int = _setting(8_192, _integer(1_000, 8_192), "Maximum size of all headers of a request together.")
    header_seconds: int = _setting(10, _integer(1, 60), "Time within which the head of a request must arrive.")
    drain_seconds: int = _setting(1, _integer(0, 600), "Time over which a stopping hub ends its streams.")
    access: str | None = _setting(
        None,
        _one_of(ACCESS),
        "Who is let in: none (everybody), token, proxy. Required if --host is not loopback.",
    )
    token_keys: str | None = _setting(None, _text, "JWKS file with the keys that verify tokens.")
    token_audience: str = _setting("sse-hub", _text, "Required audience (aud) of a token.")
    token_issuer: str | None = _setting(None, _text, "Required issuer (iss) of a token.")
    proxy_peers: tuple[str, ...] = _setting(
        (),
        _networks,
        "Address or network of a proxy that sends the user's name or the client's address (X-Forwarded-For). "
        "Repeatable.",
    )
    proxy_user_header: str = _setting("Remote-User", _header, "Header in which the proxy names the user.")
    proxy_groups_header: str = _setting("Remote-Groups", _header, "Header in which the proxy lists the user's groups.")
    proxy_rules: str | None = _setting(
        None, _text, "TOML file with the rights of users and groups. Without it they may do everything."
    )
    rules: str | None = _setting(
        None, _text, "TOML file with rules for alerts and where these are sent. Read again when it changes."
    )
    cors_origin: tuple[str, ...] = _setting(
        (), _origins, "Origin of another site whose pages may send requests: https://app.example. Repeatable."
    )
    log_level: str = _setting("info", _one_of(LOG_LEVELS), "Level of the hub's own log: debug, info, warning or error.")
    log_format: str = _setting("text", _one_of(LOG_FORMATS), "Format of the hub's own log: text or json.")

    @property
    def retain_ms(self) -> int:
        """`retain_time` in milliseconds."""
        return parse_duration(self.retain_time) * 1000

    @classmethod
    def read(cls, options: Mapping[str, str | None], environ: Mapping[str, str]) -> "Config":
        """
        The settings from command-line `options` (field name to text, None for an absent one) and `environ`.

        Raises InvalidSetting, which names the option or variable, its value unless that is secret, and what is allowed.
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
                raise InvalidSetting(f"{shown} is invalid: {error_text(error)}.") from None
        return cls(**values)  # type: ignore[arg-type]  # each parser returns its field's type

    @staticmethod
    def _value_of(name: str, options: Mapping[str, str | None], environ: Mapping[str, str]) -> tuple[str, str | None]:
        if options.get(name) is not None:
            return "--" + name.replace("_", "-"), options[name]
        variable = "SSE_HUB_" + name.upper()
        if variable in environ:
            return variable, environ[variable]
        # Platforms and Compose files set REDIS_URL for every program; no other variable is read without the prefix.
        if name == "redis_url" and environ.get("REDIS_URL"):
            return "REDIS_URL", environ["REDIS_URL"]
        return name, None
