"""
Sets up rules and alerts. A wrong rule file is reported at start.

    Config --> load_rule_file(): InvalidSetting          create_alerts() --> Alerts --> its parts, which run
"""

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import redis.asyncio

from sse_hub.alerts.destinations.alert_channel import AlertChannel
from sse_hub.alerts.destinations.parse import parse_destination
from sse_hub.alerts.destinations.settings import DestinationSettings
from sse_hub.alerts.evaluator import Evaluator
from sse_hub.alerts.outbox import Outbox
from sse_hub.alerts.rule import ALERT_CHANNEL, AlertRule
from sse_hub.alerts.rule_book import RuleBook
from sse_hub.alerts.rule_file import RuleFile, parse_rule_file
from sse_hub.alerts.sender import Sender
from sse_hub.alerts.state_store import StateStore
from sse_hub.broker.keys import LogKeys
from sse_hub.config import Config
from sse_hub.history.publisher import AcknowledgedPublisher
from sse_hub.history.query import HistoryQuery
from sse_hub.history.reader import LogReader
from sse_hub.history.recorder import Recorder
from sse_hub.hub.hub import Hub
from sse_hub.reloaded_file import ReloadedFile

# Another process may record: it reads the rules once a second, and begins with the next fence.
AT_WORK_SECONDS = 4.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Alerts:
    """Rules and alerts of a running hub."""

    book: RuleBook[DestinationSettings]
    store: StateStore
    evaluator: Evaluator
    sender: Sender

    async def keep_rules(self) -> None:
        """Have the evaluator use the rules as they are, and the sender the destinations, until cancelled."""
        while True:
            await self.book.changed.wait()
            self.book.changed.clear()
            self.sender.use(self.book.destinations)
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


def load_rule_file(config: Config) -> ReloadedFile[RuleFile[DestinationSettings]] | None:
    """The file of `--rules`, if there is one. Raises InvalidSetting if it can't be used."""
    if not config.rules:
        return None
    return ReloadedFile(
        "--rules",
        config.rules,
        partial(parse_rule_file, parse_destination=partial(parse_destination, environ=os.environ)),
    )


def create_alerts(
    config: Config,
    commands: redis.asyncio.Redis,
    log_keys: LogKeys,
    recorder: Recorder,
    log: LogReader,
    history: HistoryQuery,
    publisher: AcknowledgedPublisher,
    hub: Hub,
) -> Alerts:
    """The parts of one process. Raises InvalidSetting."""
    store = StateStore(commands, log_keys)
    book = RuleBook(commands, log_keys, load_rule_file(config))
    # On a channel that is not recorded, they would be for nobody.
    channel = AlertChannel(publisher) if hub.ingest.registry.covers(ALERT_CHANNEL) else None
    outbox = Outbox(commands, log_keys)

    def lease() -> str | None:
        return recorder.lease_value if recorder.recording else None

    evaluator = Evaluator(recorder, log, history, store)
    sender = Sender(outbox, channel, hub.counters, lease, evaluator.on_alerts)
    return Alerts(book, store, evaluator, sender)
