"""
The destinations of a rule file, checked before any of them is used.

    [destinations.ops]  kind = "webhook"  url_env = "OPS_URL" --> parse_destination() --> DestinationSettings
"""

import re
from collections.abc import Mapping
from typing import Any, cast

from sse_hub.alerts.destinations.body import BodyTemplate
from sse_hub.alerts.destinations.kinds import create_destination
from sse_hub.alerts.destinations.secret import read_secret
from sse_hub.alerts.destinations.settings import DestinationKind, DestinationSettings
from sse_hub.alerts.outbox import CHANNEL_NAME
from sse_hub.durations import parse_duration

NAME = re.compile(r"[a-z0-9-]{1,64}")
SECRET_FORMS = ("url", "url_env", "url_file", "secret", "secret_env", "secret_file")
MEMBERS: dict[str, tuple[str, ...]] = {
    "webhook": ("kind", *SECRET_FORMS, "allow_private", "timeout", "body"),
    "apprise": ("kind", *SECRET_FORMS[:3], "allow_private", "timeout"),
}
DEFAULT_TIMEOUT, MAX_TIMEOUT_SECONDS = "10s", 60


def parse_destination(name: str, table: Mapping[str, Any], environ: Mapping[str, str]) -> DestinationSettings:
    """
    The destination `name`, of which a rule file says `table`.

    `environ` has the variables that it may name. Raises ValueError, which says what is wrong, and has no secret.
    """
    if not NAME.fullmatch(name) or name == CHANNEL_NAME:
        raise ValueError(f"a destination must be called 1 to 64 of a-z, 0-9 and -, but not {CHANNEL_NAME!r}")
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in MEMBERS:
        raise ValueError('kind must be "webhook", or "apprise" for Slack, Discord, e-mail and others')
    if unknown := set(table) - set(MEMBERS[kind]):
        raise ValueError(f"{min(unknown)[:64]!r} is unknown; of kind {kind} it may have {', '.join(MEMBERS[kind])}")
    allow_private = table.get("allow_private", False)
    if not isinstance(allow_private, bool):
        raise ValueError("allow_private must be true or false")
    url = read_secret(table, "url", environ)
    if url is None:
        raise ValueError("it needs one of url, url_env, url_file")
    settings = DestinationSettings(
        name,
        cast(DestinationKind, kind),
        url,
        read_secret(table, "secret", environ),
        allow_private,
        _timeout_seconds(table.get("timeout", DEFAULT_TIMEOUT)),
        BodyTemplate(table["body"]) if "body" in table else None,
    )
    # What only its kind knows to be wrong.
    create_destination(settings)
    return settings


def _timeout_seconds(text: object) -> int:
    seconds = parse_duration(text) if isinstance(text, str) else 0
    if not 1 <= seconds <= MAX_TIMEOUT_SECONDS:
        raise ValueError(f"timeout must be a duration from 1s to {MAX_TIMEOUT_SECONDS}s")
    return seconds
