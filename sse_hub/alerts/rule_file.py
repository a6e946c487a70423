"""
A file of rules and destinations, in TOML. Pure: no I/O.

    [destinations.ops] … [rules.payment-declined] … --> parse_rule_file() --> RuleFile(rules, destinations)
    rules --> rules_as_toml() --> [rules.payment-declined] …, which parse_rule_file() reads
"""

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sse_hub.alerts.rule import RULE_ID, AlertRule, parse_rule
from sse_hub.errors import InvalidRequest, InvalidRule

MAX_FILE_CHARACTERS = 1_000_000
MAX_RULES = 200
MAX_DESTINATIONS = 100

Destination = TypeVar("Destination")


@dataclass(frozen=True)
class RuleFile(Generic[Destination]):
    """What a file of rules says: rules and destinations, by their names."""

    rules: Mapping[str, AlertRule] = field(default_factory=dict)
    destinations: Mapping[str, Destination] = field(default_factory=dict)


def parse_rule_file(
    text: str, parse_destination: Callable[[str, Mapping[str, Any]], Destination]
) -> RuleFile[Destination]:
    """
    The rules and destinations of a file. Raises ValueError saying what is wrong.

    `parse_destination` makes a destination of its name and its table, or raises ValueError, or an InvalidRequest.
    """
    if len(text) > MAX_FILE_CHARACTERS:
        raise ValueError(f"it has {len(text)} characters; up to {MAX_FILE_CHARACTERS} are allowed")
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if unknown := set(document) - {"rules", "destinations"}:
        raise ValueError(f"{min(unknown)[:80]!r} must be one of rules, destinations")
    destinations: dict[str, Destination] = {}
    for name, table in _tables(document, "destinations", MAX_DESTINATIONS).items():
        try:
            destinations[name] = parse_destination(name, table)
        except (ValueError, InvalidRequest) as error:
            raise ValueError(f"[destinations.{name}]: {str(error).removesuffix('.')}") from None
    rules: dict[str, AlertRule] = {}
    for id, table in _tables(document, "rules", MAX_RULES).items():
        try:
            rules[id] = parse_rule(id, table, destinations)
        except InvalidRule as error:
            raise ValueError(f"[rules.{id}]: {str(error).removesuffix('.')}") from None
    return RuleFile(rules, destinations)


def rules_as_toml(rules: Iterable[AlertRule]) -> str:
    """`rules` as a file, which has no destinations: their secrets never leave the hub."""
    return "\n".join(_table_text(rule) for rule in rules)


def _tables(document: Mapping[str, Any], name: str, most: int) -> dict[str, Mapping[str, Any]]:
    tables = document.get(name, {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise ValueError(f"{name} must be a table of tables: [{name}.some-name]")
    if len(tables) > most:
        raise ValueError(f"it has {len(tables)} {name}; up to {most} are allowed")
    for id in tables:
        if not RULE_ID.fullmatch(id):
            raise ValueError(f"[{name}.{id[:80]}]: a name must be 1 to 64 small letters, digits and -")
    return tables


def _table_text(rule: AlertRule) -> str:
    lines = [f"{name} = {_value_text(value)}\n" for name, value in rule.members().items()]
    return f"[rules.{rule.id}]\n{''.join(lines)}"


def _value_text(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value_text, value))}]"
    # JSON's numbers and texts are TOML's, but for one control character; its pairs of surrogates would not be.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
