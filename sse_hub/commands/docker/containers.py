"""
Which containers are followed, and what their channels are called. Pure; no I/O.

    {"Id", "Names", "Labels", "State"}, "docker.{name}" --> Container(id, name, channels, running)

The label `sse-hub.follow=false` leaves a container out, `sse-hub.channel=shop.api` names its channel.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sse_hub.commands.docker.log_frames import NAMES, STDERR, STDOUT
from sse_hub.errors import InvalidSetting
from sse_hub.protocol.selection import is_channel

FOLLOW_LABEL = "sse-hub.follow"
CHANNEL_LABEL = "sse-hub.channel"
SERVICE_LABEL = "com.docker.compose.service"
NO = ("false", "0", "no", "off")

FIELD = re.compile(r"\{(\w*)\}")
FIELDS = ("name", "service", "stream")
NOT_IN_CHANNELS = re.compile(r"[^A-Za-z0-9._:/@+-]+")
CHANNEL_CHARACTERS = 128
STATS_SUFFIX = ".stats"


@dataclass(frozen=True, slots=True)
class Container:
    """`stdout` and `stderr` are its channels, which may be one; `stats` is that of its figures."""

    id: str
    name: str
    running: bool
    stdout: str
    stderr: str

    def channel(self, stream: int) -> str:
        """The channel of what it prints on `stream`."""
        return self.stderr if stream == STDERR else self.stdout

    @property
    def stats(self) -> str:
        """The channel of its figures."""
        return self.stdout[: CHANNEL_CHARACTERS - len(STATS_SUFFIX)] + STATS_SUFFIX


def check_template(template: str) -> str:
    """`template` itself. Raises InvalidSetting where it makes no channel of a container."""
    channel_of(template, "name", "service", STDOUT)
    unknown = set(FIELD.findall(template)) - set(FIELDS)
    if unknown:
        raise InvalidSetting(f"--channel {template!r}: {{{min(unknown)}}} is none of {', '.join(FIELDS)}.")
    return template


def channel_of(template: str, name: str, service: str, stream: int) -> str:
    """The channel that `template` makes. Raises InvalidSetting where no hub serves it."""
    values = {"name": name, "service": service, "stream": NAMES[stream]}
    channel = FIELD.sub(lambda found: NOT_IN_CHANNELS.sub("_", values.get(found[1], "")), template)
    channel = channel[:CHANNEL_CHARACTERS]
    if not is_channel(channel):
        raise InvalidSetting(f"--channel {template!r} makes {channel!r} of {name!r}, which no hub serves.")
    return channel


def container_of(record: Mapping[str, Any], template: str) -> Container | None:
    """The container that `record` tells of, as the engine lists it. None where it is not to be followed."""
    labels = record.get("Labels") or {}
    id, state = str(record.get("Id", "")), str(record.get("State", ""))
    if not id or state == "created" or str(labels.get(FOLLOW_LABEL, "")).strip().lower() in NO:
        return None
    name = _name(record.get("Names") or []) or id[:12]
    own = str(labels.get(CHANNEL_LABEL, ""))
    # A label that makes no channel is as good as none: nobody would find lines that are left out.
    chosen = own if FIELD.sub("", own) != own or is_channel(own) else ""
    service = str(labels.get(SERVICE_LABEL, "")) or name
    channels = []
    for stream in (STDOUT, STDERR):
        try:
            channels.append(channel_of(chosen or template, name, service, stream))
        except InvalidSetting:
            channels.append(channel_of(template, name, service, stream))
    return Container(id, name, state in ("running", "paused"), *channels)


def _name(names: list[Any]) -> str:
    # One that is linked to has others, with a further slash in them.
    own = [str(name).lstrip("/") for name in names if "/" not in str(name).lstrip("/")]
    return own[0] if own else ""
