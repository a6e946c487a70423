"""
Which containers are followed, and on which channels. Pure; no I/O.

    {"Id", "Names", "Labels", "State"}, "docker.{name}" --> Container(id, name, channels, running)

The label `sse-hub.follow=false` excludes a container, `sse-hub.channel=shop.api` sets its channel.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sse_hub.commands.docker.log_frames import STDERR, STDOUT, STREAM_NAMES
from sse_hub.commands.shipping.channels import CHANNEL_CHARACTERS, fill_channel
from sse_hub.errors import InvalidSetting
from sse_hub.protocol.selection import is_channel

FOLLOW_LABEL = "sse-hub.follow"
CHANNEL_LABEL = "sse-hub.channel"
SERVICE_LABEL = "com.docker.compose.service"
FALSE_VALUES = ("false", "0", "no", "off")

FIELD = re.compile(r"\{(\w*)\}")
FIELDS = ("name", "service", "stream")
STATS_SUFFIX = ".stats"


@dataclass(frozen=True, slots=True)
class Container:
    """A container. `stdout` and `stderr` are its channels, which may be the same."""

    id: str
    name: str
    running: bool
    stdout: str
    stderr: str

    def channel(self, stream: int) -> str:
        """The channel of `stream`, STDOUT or STDERR."""
        return self.stderr if stream == STDERR else self.stdout

    @property
    def stats(self) -> str:
        """The channel of its CPU and memory."""
        return self.stdout[: CHANNEL_CHARACTERS - len(STATS_SUFFIX)] + STATS_SUFFIX


def check_template(template: str) -> str:
    """`template` itself. Raises InvalidSetting if it gives no valid channel name."""
    channel_of(template, "name", "service", STDOUT)
    unknown = set(FIELD.findall(template)) - set(FIELDS)
    if unknown:
        raise InvalidSetting(f"--channel {template!r}: {{{min(unknown)}}} is not one of {', '.join(FIELDS)}.")
    return template


def channel_of(template: str, name: str, service: str, stream: int) -> str:
    """The channel that `template` gives. Raises InvalidSetting if that is not a valid channel name."""
    values = {"name": name, "service": service, "stream": STREAM_NAMES[stream]}
    channel = fill_channel(template, values)
    if not is_channel(channel):
        raise InvalidSetting(f"--channel {template!r} gives {channel!r} for {name!r}, not a valid channel name.")
    return channel


def parse_container(record: Mapping[str, Any], template: str) -> Container | None:
    """The container in `record`, as the engine lists it; None if it must not be followed."""
    labels = record.get("Labels") or {}
    id, state = str(record.get("Id", "")), str(record.get("State", ""))
    if not id or state == "created" or str(labels.get(FOLLOW_LABEL, "")).strip().lower() in FALSE_VALUES:
        return None
    name = _container_name(record.get("Names") or []) or id[:12]
    label = str(labels.get(CHANNEL_LABEL, ""))
    # A label that gives no channel name is ignored: nobody would find lines that are left out.
    own_template = label if FIELD.sub("", label) != label or is_channel(label) else ""
    service = str(labels.get(SERVICE_LABEL, "")) or name
    channels = []
    for stream in (STDOUT, STDERR):
        try:
            channels.append(channel_of(own_template or template, name, service, stream))
        except InvalidSetting:
            channels.append(channel_of(template, name, service, stream))
    return Container(id, name, state in ("running", "paused"), *channels)


def _container_name(names: list[Any]) -> str:
    # A container that others link to has more names, with a second slash.
    own = [str(name).lstrip("/") for name in names if "/" not in str(name).lstrip("/")]
    return own[0] if own else ""
