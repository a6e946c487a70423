"""
The one place where the parts meet: `hub_blueprint` is a hub for any Sanic app, `create_app` an app with nothing else.

    Config --> hub_blueprint() --> before start: hub, source, tasks --> before stop: drain --> after stop: tasks end
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import orjson
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sanic import Blueprint, Sanic
from sanic.blueprint_group import BlueprintGroup

from sse_hub.auth import create_auth
from sse_hub.broker.connect import command_pool
from sse_hub.broker.keys import LogKeys
from sse_hub.broker.source import RedisSource
from sse_hub.config import Config
from sse_hub.history.backfill import Backfill
from sse_hub.history.publisher import AcknowledgedPublisher
from sse_hub.history.query import HistoryQuery
from sse_hub.history.reader import LogReader
from sse_hub.history.recorder import Recorder
from sse_hub.http.admission import AdmissionControl
from sse_hub.http.context import Context, context_of
from sse_hub.http.descriptors import allowed
from sse_hub.http.errors import error_response
from sse_hub.http.page.assets import page_blueprint
from sse_hub.http.peers import SINGLE, WorkerId
from sse_hub.http.routes.login import login_routes
from sse_hub.http.routes.message import api
from sse_hub.http.routes.metrics import metrics_blueprint
from sse_hub.http.routes.openapi import reference_blueprint
from sse_hub.http.routes.search import search_routes
from sse_hub.http.security_headers import add_headers
from sse_hub.http.shared_counters import SharedCounters
from sse_hub.hub.hub import Hub
from sse_hub.hub.sampler import EVERY_SECONDS, LineSampler
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

MAX_HEAD_BYTES = 16_384
# The longest that an answer takes to begin, once its request is there.
ANSWER_SECONDS = 60


def create_app(config: Config, fail: Callable[[], None], place: WorkerId) -> "Sanic[Any, Any]":
    """
    The app for `config`, whose `redis_url` must be set, in the process at `place`.

    Nothing is connected until the server starts.

    `fail` is called when a background task has died: the server must stop then.
    """
    app = Sanic("sse_hub", configure_logging=False, dumps=orjson.dumps, loads=orjson.loads)
    app.config.ACCESS_LOG = False
    app.config.MOTD = False
    # The porter is stricter with heads; these are for requests that are sent before the last one is answered.
    app.config.REQUEST_TIMEOUT = config.header_seconds
    app.config.REQUEST_MAX_HEADER_SIZE = MAX_HEAD_BYTES
    # From the head on, since bytes of a body don't count as a sign of life.
    app.config.RESPONSE_TIMEOUT = config.body_seconds + ANSWER_SECONDS
    # /publish alone takes a body, and reads it with a limit of its own.
    app.config.REQUEST_MAX_SIZE = 64 * 1024
    app.config.FALLBACK_ERROR_FORMAT = "json"
    app.blueprint(hub_blueprint(config, fail, place))
    app.exception(Exception)(error_response)
    add_headers(app, frozenset(config.cors_origin))
    return app


def hub_blueprint(config: Config, fail: Callable[[], None] | None = None, place: WorkerId = SINGLE) -> BlueprintGroup:
    """
    A hub to be mounted in a Sanic app, once: `app.blueprint(hub_blueprint(config), url_prefix="/logs")`.

    Of `config`, `redis_url` must be set; what concerns the server (`host`, `port`, `workers`, `log_level`) is the app's
    own. `fail` is called when a background task has died; without it the hub then ends its streams and is not ready.
    `place` is that of a worker among others.
    """
    hub = Blueprint("sse_hub")

    @hub.before_server_start
    async def start(app: "Sanic[Any, Any]") -> None:
        assert config.redis_url, "a hub needs a Redis URL; serve() starts an embedded server where none is given"
        app.ctx.sse_hub = context = _wire(config, config.redis_url, place)
        failed = fail or partial(_disable, context)
        _watch(context, context.recorder.keep_lease(), "claim", failed)
        _watch(context, context.recorder.run(), "recorder", failed)
        _watch(context, context.source.run(), "source", failed)
        _watch(context, _tick(context), "tick", failed)
        _watch(context, context.auth.keep_fresh(), "access", failed)
        _watch(context, _sample_lines(context.sampler), "survey", failed)
        if config.demo:
            # Its libraries are no other hub's business.
            from sse_hub.commands.demo import publish_demo

            _watch(context, publish_demo(config.redis_url), "demo", failed)

    @hub.before_server_stop
    async def drain(app: "Sanic[Any, Any]") -> None:
        try:
            await context_of(app).hub.drain()
        except TimeoutError:
            logger.warning(
                "drain_timed_out subscribers=%(subscribers)d", {"subscribers": context_of(app).hub.subscribers}
            )
            context_of(app).hub.abort_all()
        # Last, so that what streams were still told is recorded, too.
        await context_of(app).recorder.finish()

    @hub.after_server_stop
    async def stop(app: "Sanic[Any, Any]") -> None:
        context = context_of(app)
        await cancel_and_wait(context.tasks)
        await context.backfill.close()
        await context.log.close()
        for client in context.clients:
            await client.aclose()

    reference = reference_blueprint()
    return Blueprint.group(api, search_routes, login_routes, page_blueprint(), metrics_blueprint, reference, hub)


def _disable(context: Context) -> None:
    """Have a hub that is broken deceive nobody: the app around it goes on."""
    context.hub.draining = True
    context.hub.abort_all()


def _wire(config: Config, redis_url: str, place: WorkerId) -> Context:
    # redis-py would wait and retry in its own ways; a fence that is late must be an error at once.
    options: dict[str, Any] = {
        "socket_timeout": 2,
        "socket_connect_timeout": 2,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    commands = redis.asyncio.Redis.from_pool(command_pool(redis_url, redis.asyncio.ConnectionPool, **options))
    # Thousands may read the log at once; they wait for one another, and not for those that write it. A page takes the
    # server a millisecond, and what is published meanwhile waits, so only a few are asked for at a time.
    waiting = command_pool(redis_url, redis.asyncio.BlockingConnectionPool, max_connections=4, timeout=None, **options)
    reading = redis.asyncio.Redis.from_pool(waiting)
    hub = Hub(config)
    log = LogReader(reading, LogKeys.of(config.ingest), config.retain_ms)
    recorder = Recorder(config, commands, hub.ingest, log)
    # A circle: the hub has the source join channels, the source gives what it receives to the backfill, and that passes
    # it on to the hub's ingest. So the hub begins without a source, and gets it last.
    backfill = Backfill(hub.ingest, log, recorder.lease_state)
    source = RedisSource(config, redis_url, commands, backfill, hub.counters)
    hub.connect(source, log)
    registry = hub.ingest.registry
    history = HistoryQuery(log, source, registry.covers)
    publisher = AcknowledgedPublisher(commands, log, hub, config.line_bytes)
    access = create_auth(config, commands, hub.ingest)
    survey = LineSampler(registry)
    table = SharedCounters(place.number, place.count, place.folder)
    limits = AdmissionControl(config, allowed(), hub.counters.refused, table)
    parts = (config, hub, source, backfill, log, recorder, history, publisher, access, survey, limits)
    return Context(*parts, (commands, reading), place)


def _watch(context: Context, work: Coroutine[Any, Any, None], name: str, fail: Callable[[], None]) -> None:
    """Run `work` in the background. Should it ever end by itself, say so and call `fail`."""

    def ended(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error or not context.hub.draining:
            logger.critical("task_died name=%(name)s", {"name": name}, exc_info=error)
            fail()

    task = asyncio.get_running_loop().create_task(work, name=name)
    task.add_done_callback(ended)
    context.tasks.append(task)


async def _tick(context: Context) -> None:
    while True:
        await asyncio.sleep(1)
        context.hub.tick()
        context.auth.stream_expiry.tick()


async def _sample_lines(survey: LineSampler) -> None:
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        survey.sample()
