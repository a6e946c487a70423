"""
What people whom a proxy has let in may see and publish, as a file of rules says. Pure; no I/O.

    [everyone] subscribe = ["status"]     [groups.ops] subscribe = ["*"]     [users.alice] publish = ["shop.*"]

    Rules.read(text) --> Rules.grant("alice", ["ops"]) --> the rights of everyone, of alice and of ops together
"""

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from sse_hub.auth.grant import EVERYTHING, SUBJECT, Grant, parse_rights
from sse_hub.errors import Unauthenticated

KEYS = ("subscribe", "publish", "operate")


class ProxyRules:
    """Rights by user and by group, and those of everyone."""

    def __init__(self, everyone: Grant, groups: Mapping[str, Grant], users: Mapping[str, Grant]) -> None:
        self._everyone = everyone
        self._groups = groups
        self._users = users

    @classmethod
    def read(cls, text: str) -> "ProxyRules":
        """The rules in TOML. Raises ValueError saying what is wrong."""
        try:
            rules = tomllib.loads(text)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        if unknown := set(rules) - {"everyone", "groups", "users"}:
            raise ValueError(f"{min(unknown)!r} is none of everyone, groups, users")
        groups, users = rules.get("groups", {}), rules.get("users", {})
        if not isinstance(groups, dict) or not isinstance(users, dict):
            raise ValueError("groups and users are tables of tables: [groups.ops], [users.alice]")
        return cls(
            _rights("everyone", rules.get("everyone", {})),
            {name: _rights(f"groups.{name}", each) for name, each in groups.items()},
            {name: _rights(f"users.{name}", each) for name, each in users.items()},
        )

    def grant(self, user: str, groups: Iterable[str]) -> Grant:
        """The rights of `user`, who is in `groups`. Raises NotSignedIn for what is no name."""
        return _named(user, [self._everyone, *_found(self._users, [user]), *_found(self._groups, groups)])


def trusting(user: str) -> Grant:
    """The rights of `user` where there are no rules: whom the proxy has let in may do everything."""
    return _named(user, [EVERYTHING])


def _named(user: str, grants: Iterable[Grant]) -> Grant:
    if not SUBJECT.fullmatch(user):
        raise Unauthenticated("The proxy gave no name of 1 to 128 characters.")
    each = list(grants)
    return Grant(
        user,
        tuple(dict.fromkeys(pattern for grant in each for pattern in grant.subscribe)),
        tuple(dict.fromkeys(pattern for grant in each for pattern in grant.publish)),
        any(grant.operate for grant in each),
    )


def _found(grants: Mapping[str, Grant], names: Iterable[str]) -> list[Grant]:
    return [grants[name] for name in names if name in grants]


def _rights(name: str, table: Any) -> Grant:
    try:
        if isinstance(table, dict) and (unknown := set(table) - set(KEYS)):
            raise ValueError(f"{min(unknown)!r} is none of {', '.join(KEYS)}")
        return parse_rights(name[:128], table)
    except ValueError as error:
        raise ValueError(f"[{name}]: {error}") from None
