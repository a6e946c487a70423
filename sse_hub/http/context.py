"""
What a running app holds: its settings, its hub, its source, its log.

    create_app() --> app.ctx.sse_hub --> context_of(app), for the routes
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio
from sanic import Sanic

from sse_hub.auth import Access
from sse_hub.broker.source import RedisSource
from sse_hub.config import Config
from sse_hub.history.backfill import Mender
from sse_hub.history.publisher import Publisher
from sse_hub.history.query import History
from sse_hub.history.reader import RedisLog
from sse_hub.history.recorder import Recorder
from sse_hub.http.admission import Limits
from sse_hub.http.peers import Place
from sse_hub.hub.hub import Hub
from sse_hub.hub.sampler import Survey


@dataclass(slots=True)
class Context:
    """Made when the server starts."""

    config: Config
    hub: Hub
    source: RedisSource
    mender: Mender
    log: RedisLog
    recorder: Recorder
    history: History
    publisher: Publisher
    access: Access
    survey: Survey
    limits: Limits
    clients: tuple[redis.asyncio.Redis, ...]
    place: Place
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


def context_of(app: "Sanic[Any, Any]") -> Context:
    """The context of a started app."""
    context: Context = app.ctx.sse_hub
    return context
