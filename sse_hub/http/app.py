"""
The one place where the parts are wired: `hub_blueprint()` is a hub for any Sanic app, `create_app()` an app with a hub
and nothing else.

    Config --> hub_blueprint() --> before start: the parts, their tasks --> before stop: drain --> after stop: close
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

from sse_hub.alerts.setup import create_alerts
from sse_hub.auth import create_auth
from sse_hub.broker.connect import command_pool
from sse_hub.broker.keys import LogKeys, Partition
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
from sse_hub.http.admission import AdmissionControl, max_open_files
from sse_hub.http.context import Context, context_of
from sse_hub.http.errors import error_response
from sse_hub.http.page.assets import page_blueprint
from sse_hub.http.peers import SINGLE, WorkerId
from sse_hub.http.query_slots import QuerySlots
from sse_hub.http.routes.channels import channel_routes
from sse_hub.http.routes.health import health_routes
from sse_hub.http.routes.history import history_routes
from sse_hub.http.routes.login import login_routes
from sse_hub.http.routes.message import message_routes
from sse_hub.http.routes.metrics import metrics_blueprint
from sse_hub.http.routes.openapi import openapi_blueprint
from sse_hub.http.routes.publish import publish_routes
from sse_hub.http.routes.root import root_routes
from sse_hub.http.routes.rules import rule_routes
from sse_hub.http.routes.search import search_routes
from sse_hub.http.routes.stats import stats_routes
from sse_hub.http.security_headers import add_headers
from sse_hub.http.shared_counters import SharedCounters
from sse_hub.hub.channel_list import ChannelList
from sse_hub.hub.hub import Hub
from sse_hub.hub.sampler import EVERY_SECONDS, LineSampler
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

MAX_HEAD_BYTES = 16_384
# The longest that a response takes to begin after its request is complete.
RESPONSE_START_SECONDS = 60
REDIS_TIMEOUT_SECONDS = 2
# A page of the log takes Redis a millisecond, and lines published meanwhile wait, so few are read at the same time.
LOG_READERS = 4
QUERY_READERS = 2


def create_app(config: Config, fail: Callable[[], None], worker_id: WorkerId) -> "Sanic[Any, Any]":
    """
    The app of one hub process, which is `worker_id`. `config.redis_url` must be set; it is used when the server starts.

    `fail` is called when a background task has died: the server must stop then.
    """
    app = Sanic("sse_hub", configure_logging=False, dumps=orjson.dumps, loads=orjson.loads)
    app.config.ACCESS_LOG = False
    app.config.MOTD = False
    # RequestHeadGuard is stricter. These limits are for requests that arrive before the last one has been answered.
    app.config.REQUEST_TIMEOUT = config.header_seconds
    app.config.REQUEST_MAX_HEADER_SIZE = MAX_HEAD_BYTES
    # It counts from the head: RequestHeadGuard lets no byte of a body extend it.
    app.config.RESPONSE_TIMEOUT = config.body_seconds + RESPONSE_START_SECONDS
    # Only /publish and /login take a body, and they have limits of their own.
    app.config.REQUEST_MAX_SIZE = 64 * 1024
    app.config.FALLBACK_ERROR_FORMAT = "json"
    app.blueprint(hub_blueprint(config, fail, worker_id))
    app.exception(Exception)(error_response)
    add_headers(app, frozenset(config.cors_origin))
    return app


def hub_blueprint(
    config: Config, fail: Callable[[], None] | None = None, worker_id: WorkerId = SINGLE
) -> BlueprintGroup:
    """
    A hub for a Sanic app, to be mounted once: `app.blueprint(hub_blueprint(config), url_prefix="/logs")`.

    `config.redis_url` must be set. The settings of the server (`host`, `port`, `workers`, `log_level`, `log_format`,
    `demo`) are ignored: they are up to the app. `fail` is called when a background task has died; without it the hub
    ends its streams and is no longer ready, and the app continues. `worker_id` is for `sse-hub serve --workers`.

    Raises FileNotFoundError if the page's files are missing; when the server starts, InvalidSetting from create_auth().
    """
    lifecycle = Blueprint("sse_hub")

    @lifecycle.before_server_start
    async def start(app: "Sanic[Any, Any]") -> None:
        assert config.redis_url, "a hub needs a Redis URL; serve() starts an embedded server where none is given"
        app.ctx.sse_hub = context = _connect(config, config.redis_url, worker_id)
        failed = fail or partial(_disable, context)
        _watch(context, context.recorder.keep_lease(), "lease", failed)
        _watch(context, context.recorder.run(), "recorder", failed)
        _watch(context, context.alerts.sender.run(), "sender", failed)
        _watch(context, context.topology.run(), "topology", failed)
        _watch(context, context.source.run(), "source", failed)
        _watch(context, context.order_watch.run(), "order-watch", failed)
        _watch(context, _tick(context), "tick", failed)
        _watch(context, context.auth.keep_fresh(), "auth", failed)
        _watch(context, _sample_lines(context.sampler), "sampler", failed)
        _watch(context, context.alerts.book.keep_fresh(), "rule-book", failed)
        _watch(context, context.alerts.keep_rules(), "rules", failed)
        _watch(context, context.alerts.evaluator.run(), "alerts", failed)

    @lifecycle.before_server_stop
    async def drain(app: "Sanic[Any, Any]") -> None:
        context = context_of(app)
        try:
            await context.hub.drain()
        except TimeoutError:
            logger.warning("drain_timed_out subscribers=%(subscribers)d", {"subscribers": context.hub.subscribers})
            context.hub.abort_all()
        # Last, so that what streams were still sent is recorded, too.
        await context.recorder.finish()

    @lifecycle.after_server_stop
    async def close(app: "Sanic[Any, Any]") -> None:
        context = context_of(app)
        await cancel_and_wait(context.tasks)
        await context.backfill.close()
        await context.tail_search.close()
        await context.log.close()
        for client in context.clients:
            await client.aclose()

    return Blueprint.group(
        root_routes,
        page_blueprint(),
        message_routes,
        channel_routes,
        history_routes,
        search_routes,
        rule_routes,
        stats_routes,
        publish_routes,
        login_routes,
        health_routes,
        metrics_blueprint,
        openapi_blueprint(),
        lifecycle,
    )


def _disable(context: Context) -> None:
    # A hub with a part missing must not look alive.
    context.hub.draining = True
    context.hub.abort_all()


def _connect(config: Config, redis_url: str, worker_id: WorkerId) -> Context:
    partition = Partition()
    topology = Topology(redis_url, partition)
    log_keys = LogKeys.of(partition, config.ingest)
    # redis-py would wait and retry by itself; a late fence must be an error at once.
    options: dict[str, Any] = {
        "socket_timeout": REDIS_TIMEOUT_SECONDS,
        "socket_connect_timeout": REDIS_TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    commands = redis.asyncio.Redis.from_pool(command_pool(topology, redis.asyncio.ConnectionPool, **options))
    # Separate, so that thousands who read the log wait for one another, not those who write it; and those who resume a
    # stream do not wait for those who search.
    log_client, query_client = (
        redis.asyncio.Redis.from_pool(
            command_pool(
                topology, redis.asyncio.BlockingConnectionPool, max_connections=readers, timeout=None, **options
            )
        )
        for readers in (LOG_READERS, QUERY_READERS)
    )
    hub = Hub(config)
    log = LogReader(log_client, log_keys, config.retain_ms, hub.ingest.registry.names, query_client)
    recorder = Recorder(config, commands, log_keys, hub.ingest, log)
    # A circle: the hub has the source join channels, the source gives what it receives to the backfill, and that passes
    # it on to the hub's ingest. So the hub begins without a source, and gets it last.
    backfill = Backfill(hub.ingest, log, recorder.request_lease)
    source = RedisSource(config, topology, commands, backfill, hub.ingest.fences, hub.counters)
    registry = hub.ingest.registry
    history = HistoryQuery(log, source, registry.covers, registry.names, hub.ingest.fences)
    tail_search = TailSearch(history, log)
    hub.connect(source, log, tail_search.find)
    publisher = AcknowledgedPublisher(commands, partition, log, hub, config.line_bytes)
    shared_counters = SharedCounters(worker_id.number, worker_id.count, worker_id.counters)
    return Context(
        config=config,
        hub=hub,
        topology=topology,
        source=source,
        order_watch=OrderWatch(source, commands.connection_pool.make_connection, partition),
        backfill=backfill,
        log=log,
        recorder=recorder,
        history=history,
        tail_search=tail_search,
        publisher=publisher,
        alerts=create_alerts(config, commands, log_keys, recorder, log, history, publisher, hub),
        auth=create_auth(config, commands, partition, hub.ingest),
        sampler=LineSampler(registry),
        channel_list=ChannelList(registry),
        query_slots=QuerySlots(),
        admission=AdmissionControl(config, max_open_files(), hub.counters.refused, shared_counters),
        clients=(commands, log_client, query_client),
        worker_id=worker_id,
    )


def _watch(context: Context, work: Coroutine[Any, Any, None], name: str, fail: Callable[[], None]) -> None:
    """Run `work` in the background. If it ends before it is cancelled, log that and call `fail`."""

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


async def _sample_lines(sampler: LineSampler) -> None:
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        sampler.sample()
