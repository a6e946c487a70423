"""
All rules there are: those of the file, and those that were made on the page and are kept in Redis.

    --rules FILE ──► ReloadedFile ──┐
    put(), remove() ──► Redis ──────┴──► refresh(), once a second ──► rules, destinations

A rule of the file can't be changed on the page, and comes before one with the same id in Redis.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from typing import Any, Generic

import orjson
import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.alerts.rule import AlertRule, parse_rule
from sse_hub.alerts.rule_file import MAX_RULES, Destination, RuleFile
from sse_hub.broker.keys import LogKeys
from sse_hub.broker.scripts import script
from sse_hub.errors import InvalidRule, RuleConflict, RulesUnavailable, UnknownRule, error_text
from sse_hub.reloaded_file import ReloadedFile

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 1.0
CHANGE_FIELD = ""


class RuleBook(Generic[Destination]):
    """
    The rules of this process. `changed` is set when they have changed, and when the destinations have.

    `file` is None without a rule file.
    """

    def __init__(
        self, commands: redis.asyncio.Redis, keys: LogKeys, file: ReloadedFile[RuleFile[Destination]] | None
    ) -> None:
        self.changed = asyncio.Event()
        self._commands: Any = commands
        self._keys = keys
        self._file = file
        self._reading_file = asyncio.Lock()
        self._seen_version = 0
        # As Redis has them, by their ids.
        self._texts: dict[str, bytes] = {}
        self._page_rules: dict[str, AlertRule] = {}
        self._last_change: bytes | None = None
        self._read_once = False
        self._put_script: Any = commands.register_script(script("rule_put"))

    @property
    def rules(self) -> dict[str, AlertRule]:
        """All rules by their ids, also those that are paused."""
        return self._page_rules | dict(self.file_rules)

    @property
    def file_rules(self) -> Mapping[str, AlertRule]:
        """Those of the file."""
        return self._file.value.rules if self._file else {}

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """The destinations, by their names."""
        return self._file.value.destinations if self._file else {}

    @property
    def error(self) -> str:
        """Why the file can't be used as it is now, or ''; then the rules are those that it had before."""
        return self._file.error if self._file else ""

    @property
    def known(self) -> bool:
        """Whether the rules in Redis were ever read."""
        return self._read_once

    async def keep_fresh(self) -> None:
        """Refresh every REFRESH_SECONDS, until cancelled."""
        failing = False
        while True:
            try:
                await self.refresh()
                failing = False
            except RulesUnavailable as error:
                if not failing:
                    logger.warning("rules_unreadable error=%(error)r", {"error": str(error)})
                failing = True
            await asyncio.sleep(REFRESH_SECONDS)

    async def refresh(self) -> None:
        """Read what has changed. Raises RulesUnavailable."""
        if self._file:
            # In a thread: to load Apprise for the first destination that needs it takes 0.3 s.
            async with self._reading_file:
                await asyncio.to_thread(self._file.refresh)
            if self._file.version != self._seen_version:
                self._seen_version = self._file.version
                self.changed.set()
        try:
            change = await self._commands.hget(self._keys.rules, CHANGE_FIELD)
            if self._read_once and change == self._last_change:
                return
            texts = await self._commands.hgetall(self._keys.rules)
        except (RedisError, OSError) as error:
            raise RulesUnavailable(f"The rules can't be read: {error_text(error)}.") from None
        self._last_change = texts.pop(CHANGE_FIELD.encode(), None)
        self._texts = {id.decode(errors="replace"): text for id, text in texts.items()}
        self._page_rules = {}
        for id, text in self._texts.items():
            try:
                self._page_rules[id] = parse_rule(id, orjson.loads(text))
            except (InvalidRule, ValueError) as error:
                # Another version of the hub has made it.
                logger.error("rule_unusable rule=%(rule)s error=%(error)r", {"rule": id, "error": str(error)})
        self._read_once = True
        self.changed.set()

    async def put(self, rule: AlertRule, version: str | None) -> None:
        """
        Make `rule`, or replace the one with this `version`; None if it must not exist.

        Raises RuleConflict, UnknownRule, RulesUnavailable.
        """
        await self.refresh()
        self._require_version(rule.id, version)
        if version is None and len(self._texts) >= MAX_RULES:
            raise RuleConflict(f"There are {len(self._texts)} rules; up to {MAX_RULES} are allowed.")
        await self._change(rule.id, orjson.dumps(rule.members()))

    async def remove(self, id: str, version: str) -> None:
        """Remove the rule `id` with this `version`. Raises RuleConflict, UnknownRule, RulesUnavailable."""
        await self.refresh()
        self._require_version(id, version)
        await self._change(id, b"")

    def _require_version(self, id: str, version: str | None) -> None:
        if id in self.file_rules:
            raise RuleConflict(f"The rule {id!r} is in the rule file, and can be changed only there.")
        rule = self._page_rules.get(id)
        if version is None:
            if rule is not None:
                raise RuleConflict(f"There is a rule {id!r} already.")
        elif rule is None:
            raise UnknownRule(f"There is no rule {id[:80]!r}.")
        elif rule.version != version:
            raise _changed(id)

    async def _change(self, id: str, text: bytes) -> None:
        before = self._texts.get(id, b"")
        try:
            done = await self._put_script(keys=[self._keys.rules], args=[id, before, text, secrets.token_hex(8)])
        except (RedisError, OSError) as error:
            raise RulesUnavailable(f"The rules can't be changed: {error_text(error)}.") from None
        if not done:
            raise _changed(id)
        await self.refresh()


def _changed(id: str) -> RuleConflict:
    return RuleConflict(f"The rule {id!r} was changed meanwhile: read it again.")
