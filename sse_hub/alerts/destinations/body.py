"""
The body of a webhook in another form than ours: an object of JSON whose texts have names in braces. Pure: no I/O.

    body = { text = "{rule}: {text}", priority = 5 } --> BodyTemplate --> body_of(alert) --> JSON

Since the template is an object already, and not a text that will be read as one, nothing in an alert can change its
form: a quotation mark in a log line stays one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.template import MAX_TEXT_CHARACTERS, TextTemplate
from sse_hub.errors import InvalidRule, error_text

NAMES = ("id", "rule", "kind", "group", "text", "count", "channel", "first", "last", "level", "moment")
MAX_DEPTH = 8
MAX_VALUES = 100


@dataclass(frozen=True)
class BodyTemplate:
    """
    The object `template`, as TOML has it. Raises ValueError, which says what is wrong and what is allowed.

    Names in its texts are NAMES, or the fields by which the alert's rule groups.
    """

    template: Any

    def __post_init__(self) -> None:
        if not isinstance(self.template, dict) or not self.template:
            raise ValueError('body must be a table: body = { text = "{rule}: {text}" }')
        if _checked(self.template, 0) > MAX_VALUES:
            raise ValueError(f"body may have at most {MAX_VALUES} values")

    def body_of(self, alert: Alert) -> bytes:
        """The JSON for `alert`."""
        return orjson.dumps(_filled(self.template, _values_of(alert)))


def moment_text(moment_ms: int) -> str:
    """The moment, in ms since the epoch, as RFC 3339 has it: 2026-11-30T20:15:00.000Z."""
    text = datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _values_of(alert: Alert) -> dict[str, str]:
    own = {name: str(getattr(alert, name)) for name in NAMES if name not in ("group", "moment")}
    # What the alert itself says comes last: a field may be called `id`.
    return dict(alert.group) | own | {"group": alert.group_text, "moment": moment_text(alert.moment_ms)}


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    return TextTemplate(value).render(values, MAX_TEXT_CHARACTERS) if isinstance(value, str) and value else value


def _checked(value: Any, depth: int) -> int:
    """How many values there are. Raises ValueError."""
    if depth > MAX_DEPTH:
        raise ValueError(f"body may be nested at most {MAX_DEPTH} deep")
    if isinstance(value, dict):
        return sum(_checked(each, depth + 1) for each in value.values())
    if isinstance(value, list):
        return sum(_checked(each, depth + 1) for each in value)
    if isinstance(value, str):
        _check_text(value)
    # NaN equals nothing, and larger numbers than these are not the same everywhere in JSON.
    elif not isinstance(value, bool | int | float) or not abs(value) <= 2**53:
        raise ValueError("body may have texts, numbers, true, false, lists and tables")
    return 1


def _check_text(text: str) -> None:
    if not text:
        return
    try:
        template = TextTemplate(text)
    except InvalidRule as error:
        raise ValueError(f"{text[:80]!r} in body is invalid: its {error_text(error)}") from None
    if template.has_message:
        raise ValueError(f"{{message}} is not known in body; {{text}} has what the rule made of it: {', '.join(NAMES)}")
