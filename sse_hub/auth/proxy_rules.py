"""
The rights of users whom a proxy has authenticated, from a file of rules. Pure; no I/O.

    [everyone] subscribe = ["status"]     [groups.ops] subscribe = ["*"]     [users.alice] publish = ["shop.*"]

    ProxyRules.parse(text) --> grant("alice", ["ops"]) --> the rights of everyone, of alice and of ops together
"""

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from sse_hub.auth.grant import EVERYTHING, SUBJECT, Grant, parse_rights
from sse_hub.errors import Unauthenticated

RIGHTS = ("subscribe", "publish", "operate")


class ProxyRules:
    """The rights of everyone, and those added by group and by user."""

    def __init__(self, everyone: Grant, groups: Mapping[str, Grant], users: Mapping[str, Grant]) -> None:
        self._everyone = everyone
        self._groups = groups
        self._users = users

    @classmethod
    def parse(cls, text: str) -> "ProxyRules":
        """The rules in TOML. Raises ValueError saying what is wrong."""
        try:
            rules = tomllib.loads(text)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        if unknown := set(rules) - {"everyone", "groups", "users"}:
            raise ValueError(f"{min(unknown)!r} must be one of everyone, groups, users")
        groups, users = rules.get("groups", {}), rules.get("users", {})
        if not isinstance(groups, dict) or not isinstance(users, dict):
            raise ValueError("groups and users must be tables of tables: [groups.ops], [users.alice]")
        return cls(
            _parse_table("everyone", rules.get("everyone", {})),
            {name: _parse_table(f"groups.{name}", table) for name, table in groups.items()},
            {name: _parse_table(f"users.{name}", table) for name, table in users.items()},
        )

    def grant(self, user: str, groups: Iterable[str]) -> Grant:
        """The rights of `user`, who is in `groups`. Raises Unauthenticated if `user` is not a valid name."""
        return _combine(user, [self._everyone, *_matching(self._users, [user]), *_matching(self._groups, groups)])


def unrestricted_grant(user: str) -> Grant:
    """The rights of `user` without rules: a user whom the proxy has authenticated may do everything."""
    return _combine(user, [EVERYTHING])


def _combine(user: str, grants: Iterable[Grant]) -> Grant:
    if not SUBJECT.fullmatch(user):
        raise Unauthenticated("The proxy must name a user of 1 to 128 characters in UTF-8, without control characters.")
    combined = list(grants)
    return Grant(
        user,
        tuple(dict.fromkeys(pattern for grant in combined for pattern in grant.subscribe)),
        tuple(dict.fromkeys(pattern for grant in combined for pattern in grant.publish)),
        any(grant.operate for grant in combined),
    )


def _matching(grants: Mapping[str, Grant], names: Iterable[str]) -> list[Grant]:
    return [grants[name] for name in names if name in grants]


def _parse_table(name: str, table: Any) -> Grant:
    try:
        if isinstance(table, dict) and (unknown := set(table) - set(RIGHTS)):
            raise ValueError(f"{min(unknown)!r} must be one of {', '.join(RIGHTS)}")
        return parse_rights(name[:128], table)
    except ValueError as error:
        raise ValueError(f"[{name}]: {error}") from None
