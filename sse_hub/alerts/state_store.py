"""
What the evaluator writes down in Redis, and where its successor goes on.

    load(rules) --> position, states --> …the log is evaluated… --> commit(alerts, changes), with lua/alerts_commit.lua

Alerts, position and states are written in one step, by the holder of the lease alone: a process that dies has either
made an alert and gone on, or neither.
"""

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.log_position import LogPosition
from sse_hub.alerts.rule import AlertRule
from sse_hub.alerts.rule_state import RuleHead, RuleState, StateChanges
from sse_hub.broker.keys import LogKeys
from sse_hub.broker.scripts import script
from sse_hub.errors import RulesUnavailable, error_text

logger = logging.getLogger(__name__)

POSITION_FIELD = ""


class StateStore:
    """
    The evaluator's part of Redis. `stored` has the ids of the rules that have a state there.

    load() and commit() raise RedisError and OSError; then load() must be called before anything else.
    """

    def __init__(self, commands: redis.asyncio.Redis, keys: LogKeys) -> None:
        self.stored: set[str] = set()
        self._commands: Any = commands
        self._keys = keys
        self._position_text = ""
        self._commit_script: Any = commands.register_script(script("alerts_commit"))

    async def load(self, rules: Mapping[str, AlertRule]) -> tuple[LogPosition | None, list[RuleState]]:
        """How far the log was evaluated, None if nobody knows, and the states of those of `rules` that have one."""
        found = await self._commands.hgetall(self._keys.alert_state)
        heads = {id.decode(errors="replace"): head for id, head in found.items()}
        self._position_text = heads.pop(POSITION_FIELD, b"").decode(errors="replace")
        self.stored = set(heads)
        position = LogPosition.from_text(self._position_text)
        states = []
        for id in heads.keys() & rules.keys() if position else ():
            groups = await self._commands.hgetall(self._keys.alert_groups(id))
            try:
                parts = {key.decode(): part for key, part in groups.items()}
                states.append(RuleState.restore(rules[id], heads[id], parts))
            except (ValueError, TypeError) as error:
                # It is of another version of the rule, or nobody knows what it is: the rule begins anew.
                logger.info("rule_begins_anew rule=%(rule)s reason=%(reason)r", {"rule": id, "reason": str(error)})
        return position, states

    async def commit(
        self,
        lease_value: str,
        position: LogPosition,
        alerts: Iterable[Alert],
        changes: Mapping[str, StateChanges],
        gone: Iterable[str],
    ) -> bool:
        """
        Write down that the log is evaluated up to `position`, what has changed since the last time, and the alerts.

        What is stored of the rules `gone` is removed first. False if this process has lost the lease, or another one
        was here: then nothing was written, and load() must be called.
        """
        removed = sorted(self.stored.intersection(gone))
        entries = [(id, StateChanges(b"", {})) for id in removed] + list(changes.items())
        keys = [self._keys.lease, self._keys.alert_state, self._keys.alerts]
        keys += [self._keys.alert_groups(id) for id, _ in entries]
        texts = [alert.to_json() for alert in alerts]
        args: list[bytes | str | int] = [lease_value, self._position_text, position.to_text(), len(texts), *texts]
        for id, (head, parts) in entries:
            args += [id, head, *_parts_described(parts)]
        if not await self._commit_script(keys=keys, args=args):
            return False
        self._position_text = position.to_text()
        self.stored = self.stored.difference(removed) | changes.keys()
        return True

    async def heads(self) -> dict[str, RuleHead]:
        """How far each rule is, by its id, for any process. Raises RulesUnavailable."""
        try:
            found = await self._commands.hgetall(self._keys.alert_state)
        except (RedisError, OSError) as error:
            raise RulesUnavailable(f"The states of rules can't be read: {error_text(error)}.") from None
        heads = {}
        for id, head in found.items():
            # Another version of the hub may have written it; then the rule will begin anew.
            with suppress(ValueError, TypeError):
                if name := id.decode():
                    heads[name] = RuleHead.parse(head)
        return heads


def _parts_described(parts: Mapping[str, bytes | None]) -> list[bytes | str | int]:
    kept = [(key, part) for key, part in parts.items() if part is not None]
    gone = [key for key, part in parts.items() if part is None]
    return [len(kept), *(each for pair in kept for each in pair), len(gone), *gone]
