"""
Sets up rules and alerts. A wrong rule file is reported at start.

    Config --> load_rule_file(): InvalidSetting          create_alerts() --> Alerts --> run(), which evaluates
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import redis.asyncio

from sse_hub.alerts.evaluator import Evaluator
from sse_hub.alerts.rule import AlertRule
from sse_hub.alerts.rule_book import RuleBook
from sse_hub.alerts.rule_file import RuleFile, parse_rule_file
from sse_hub.alerts.state_store import StateStore
from sse_hub.broker.keys import LogKeys
from sse_hub.config import Config
from sse_hub.history.query import HistoryQuery
from sse_hub.history.reader import LogReader
from sse_hub.history.recorder import Recorder
from sse_hub.reloaded_file import ReloadedFile

# Another process may record: it reads the rules once a second, and begins with the next fence.
AT_WORK_SECONDS = 4.0
POLL_SECONDS = 0.05

DestinationTable = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Alerts:
    """Rules and alerts of a running hub."""

    book: RuleBook[DestinationTable]
    store: StateStore
    evaluator: Evaluator

    async def keep_rules(self) -> None:
        """Have the evaluator use the rules as they are, until cancelled."""
        while True:
            await self.book.changed.wait()
            self.book.changed.clear()
            if self.book.known:
                self.evaluator.use(self.book.rules.values())

    async def wait_at_work(self, rule: AlertRule) -> None:
        """Return when the process that records has begun with `rule`, after AT_WORK_SECONDS in any case."""
        with suppress(TimeoutError):
            async with asyncio.timeout(AT_WORK_SECONDS):
                while not rule.paused:
                    head = (await self.store.heads()).get(rule.id)
                    if head and head.version == rule.version:
                        return
                    await asyncio.sleep(POLL_SECONDS)


def load_rule_file(config: Config) -> ReloadedFile[RuleFile[DestinationTable]] | None:
    """The file of `--rules`, if there is one. Raises InvalidSetting if it can't be used."""
    if not config.rules:
        return None
    return ReloadedFile("--rules", config.rules, partial(parse_rule_file, parse_destination=_as_it_is))


def create_alerts(
    config: Config,
    commands: redis.asyncio.Redis,
    log_keys: LogKeys,
    recorder: Recorder,
    log: LogReader,
    history: HistoryQuery,
) -> Alerts:
    """The parts of one process. Raises InvalidSetting."""
    store = StateStore(commands, log_keys)
    book = RuleBook(commands, log_keys, load_rule_file(config))
    return Alerts(book, store, Evaluator(recorder, log, history, store))


def _as_it_is(name: str, table: DestinationTable) -> DestinationTable:
    return table
