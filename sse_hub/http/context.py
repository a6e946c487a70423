"""
The parts of a running hub, as the routes use them.

    hub_blueprint(), when the server starts --> app.ctx.sse_hub --> context_of(app), once in a request
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio
from sanic import Sanic

from sse_hub.alerts.setup import Alerts
from sse_hub.auth import Auth
from sse_hub.broker.order_watch import OrderWatch
from sse_hub.broker.source import RedisSource
from sse_hub.broker.topology import Topology
from sse_hub.config import Config
from sse_hub.history.backfill import Backfill
from sse_hub.history.publisher import AcknowledgedPublisher
from sse_hub.history.query import HistoryQuery
from sse_hub.history.reader import LogReader
from sse_hub.history.recorder import Recorder
from sse_hub.history.tail_search import TailSearch
from sse_hub.http.admission import AdmissionControl
from sse_hub.http.peers import WorkerId
from sse_hub.http.query_slots import QuerySlots
from sse_hub.hub.channel_list import ChannelList
from sse_hub.hub.hub import Hub
from sse_hub.hub.sampler import LineSampler


@dataclass(slots=True)
class Context:
    """All parts of the hub in this process; `tasks` are those that run in the background."""

    config: Config
    hub: Hub
    topology: Topology
    source: RedisSource
    order_watch: OrderWatch
    backfill: Backfill
    log: LogReader
    recorder: Recorder
    history: HistoryQuery
    tail_search: TailSearch
    publisher: AcknowledgedPublisher
    alerts: Alerts
    auth: Auth
    sampler: LineSampler
    channel_list: ChannelList
    query_slots: QuerySlots
    admission: AdmissionControl
    clients: tuple[redis.asyncio.Redis, ...]
    worker_id: WorkerId
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


def context_of(app: "Sanic[Any, Any]") -> Context:
    """The context of `app`, which must have started."""
    context: Context = app.ctx.sse_hub
    return context
