"""`RedisHandler`: one line per record, in order, whatever happens to Redis; dropped lines are counted exactly."""

import logging
import logging.config
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sse_hub.errors import InvalidSetting
from sse_hub.logging import RedisHandler
from tests.support.logging_programs import FORKS, published_lines, run_python
from tests.support.servers import RedisServer, free_port, redis_server
from tests.support.settings import DEADLINE_SECONDS, PATIENCE
from tests.support.waiting import wait_until


@contextmanager
def logger_with(handler: logging.Handler) -> Iterator[logging.Logger]:
    """A logger with only `handler`, which is closed at the end of the block."""
    logger = logging.Logger("app")
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        handler.close()


def test_the_handler_works_from_a_dict_config(server: RedisServer, channel: str) -> None:
    code = """
import logging, logging.config, sys
logging.config.dictConfig({
    "version": 1,
    "handlers": {"hub": {"class": "sse_hub.logging.RedisHandler", "url": sys.argv[1], "channel": sys.argv[2]}},
    "root": {"handlers": ["hub"], "level": "INFO"},
})
logging.getLogger("shop").info("Visit %s", "新增", extra={"user": "ana"})
logging.getLogger("shop").debug("not wanted")
"""
    with published_lines(server, channel) as lines:
        run_python(code, server.publisher_url, channel)

    assert [(line["message"], line["logger"], line["user"]) for line in lines] == [("Visit 新增", "shop", "ana")]


def test_importing_the_handler_is_light_and_does_not_shadow_logging() -> None:
    code = """
import sys, sse_hub.logging, logging
heavy = {"sanic", "redis", "asyncio", "click", "httpx", "uvloop", "importlib.resources"} & set(sys.modules)
assert not heavy, heavy
assert logging is sys.modules["logging"] and logging.__name__ == "logging", logging.__file__
import sse_hub.commands.serve
assert sys.modules["sse_hub.history.reader"].logging is logging
"""
    assert run_python(code) == ""


@pytest.mark.parametrize(("url", "channel"), [("http://x", "log"), ("redis://", "a b"), ("redis://", "sse-hub:fence")])
def test_an_invalid_setting_of_the_handler_is_refused_by_name(url: str, channel: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^(The Redis URL is invalid|channel='.*' can't be published on): "):
        RedisHandler(url, channel)


def test_lines_of_another_formatter_are_published_unchanged(server: RedisServer, channel: str) -> None:
    handler = RedisHandler(server.publisher_url, channel)
    handler.setFormatter(logging.Formatter('{"said": "%(message)s"}'))
    with published_lines(server, channel) as lines, logger_with(handler) as logger:
        logger.info("hello %s", "you")
        logger.info("%d", "no number")
        handler.flush()

    assert lines[0] == {"said": "hello you"}
    assert lines[1]["logging_error"].startswith("TypeError")


def test_a_logged_line_is_sent_at_once(server: RedisServer, channel: str) -> None:
    handler = RedisHandler(server.publisher_url, channel)
    with server.client() as client, client.pubsub(ignore_subscribe_messages=True) as listening:
        listening.subscribe(channel)
        listening.get_message(timeout=DEADLINE_SECONDS)
        with logger_with(handler) as logger:
            logger.info("first")
            assert listening.get_message(timeout=DEADLINE_SECONDS)
            started = time.monotonic()
            logger.info("second")
            assert listening.get_message(timeout=DEADLINE_SECONDS)

    assert time.monotonic() - started < 0.5 * PATIENCE


def test_lines_of_many_threads_all_arrive_with_each_threads_order_kept(server: RedisServer, channel: str) -> None:
    handler = RedisHandler(server.publisher_url, channel)
    with published_lines(server, channel) as lines, logger_with(handler) as logger:

        def work(thread: int) -> None:
            for n in range(500):
                logger.info("x", extra={"t": thread, "n": n})

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        handler.flush()

    for thread in range(8):
        assert [line["n"] for line in lines if line["t"] == thread] == list(range(500))


def test_lines_dropped_while_redis_is_frozen_are_counted_exactly(channel: str) -> None:
    count = 5_000
    with redis_server() as server:
        handler = RedisHandler(server.publisher_url, channel, buffer_bytes=100_000)
        with published_lines(server, channel) as lines, logger_with(handler) as logger:
            logger.info("first", extra={"n": 0})
            handler.flush()
            server.freeze()
            for n in range(1, count):
                logger.info("x", extra={"n": n})
            assert handler.counts.waiting * 64 < 100_000
            server.thaw()
            wait_until(lambda: not handler.counts.waiting, "all is sent")
            logger.info("last", extra={"n": count})
            handler.flush()
        counts = handler.counts

    seqs = [line["n"] for line in lines if "n" in line]
    reports = [line for line in lines if line["logger"] == "sse_hub.logging"]
    assert seqs == sorted(set(seqs))
    assert counts.unsure == 0
    assert sum(report["dropped"] for report in reports) == reports[-1]["dropped_total"] == count + 1 - len(seqs) > 0
    assert lines[-1]["n"] == count
    assert reports[-1]["level"] == "warning"


def test_waiting_lines_stay_within_their_memory_limit() -> None:
    code = """
import logging, sys, psutil
from sse_hub.logging import RedisHandler
handler = RedisHandler(sys.argv[1], buffer_bytes=8_000_000, exit_seconds=0)
logger = logging.Logger("app")
logger.addHandler(handler)
logger.info("first")
before = psutil.Process().memory_info().rss
for n in range(100_000):
    logger.info("Visit %s id %d", "x", n, extra={"user": "ana"})
assert handler.counts.dropped > 10_000
print((psutil.Process().memory_info().rss - before) / 8_000_000)
"""
    said = run_python(code, f"redis://127.0.0.1:{free_port()}/0")

    assert 0.3 < float(said.splitlines()[0]) < 1.2


def test_lines_dropped_while_redis_is_down_are_counted_exactly(channel: str) -> None:
    port, count = free_port(), 5_000
    handler = RedisHandler(f"redis://127.0.0.1:{port}/0", channel, buffer_bytes=100_000)
    with logger_with(handler) as logger:
        with redis_server(port=port):
            logger.info("before")
            handler.flush()
            assert handler.counts.sent == 1
        for n in range(count):
            logger.info("x", extra={"n": n})
        kept = handler.counts.waiting
        with redis_server(port=port) as server, server.client() as client:
            wait_until(lambda: not handler.counts.waiting, "all is sent")
            published = client.info("commandstats")["cmdstat_publish"]["calls"]
        counts = handler.counts

    assert counts.unsure == 0
    assert counts.dropped == count - kept > 0
    # Plus the report.
    assert published == kept + 1


def test_a_line_without_a_reply_counts_as_unsure_and_is_not_resent(channel: str) -> None:
    with redis_server() as server:
        handler = RedisHandler(server.publisher_url, channel)
        with logger_with(handler) as logger, published_lines(server, channel) as lines:
            logger.info("first")
            handler.flush()
            server.freeze()
            logger.info("second")
            wait_until(lambda: _unread(server), "it is on its way")
            _cut(handler)
            server.thaw()
            logger.info("third")
            wait_until(lambda: not handler.counts.waiting, "all is sent")

    assert [line["message"] for line in lines if "unsure" not in line].count("second") <= 1
    assert [line["unsure"] for line in lines if "unsure" in line] == [1]


def _unread(server: RedisServer) -> bool:
    """True if the frozen server has received bytes that it has not read."""
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    queues = [words[4] for words in sockets if int(words[1].rpartition(":")[2], 16) == server.port]
    return any(int(queue.rpartition(":")[2], 16) for queue in queues)


def _cut(handler: RedisHandler) -> None:
    """Cut the connection as a network failure does."""
    delivery: Any = handler._delivery
    delivery._connection._connection._sock.shutdown(socket.SHUT_RDWR)


def test_lines_wait_for_a_redis_that_starts_later(channel: str) -> None:
    port = free_port()
    handler = RedisHandler(f"redis://127.0.0.1:{port}/0", channel)
    with logger_with(handler) as logger:
        logger.info("early")
        with redis_server(port=port) as server, published_lines(server, channel):
            wait_until(lambda: not handler.counts.waiting, "it is sent")
        assert handler.counts.sent == 1


def test_lines_wait_while_redis_refuses_them(channel: str) -> None:
    with redis_server() as server, server.client() as client, published_lines(server, channel) as lines:
        client.execute_command("ACL", "SETUSER", "app", "on", "nopass", "resetchannels", "+publish")
        handler = RedisHandler(server.url.replace("://", "://app:x@"), channel)
        with logger_with(handler) as logger:
            for n in range(3):
                logger.info("x", extra={"n": n})
            wait_until(lambda: handler._sender._disconnected, "they are refused")
            client.execute_command("ACL", "SETUSER", "app", f"&{channel}")
            wait_until(lambda: not handler.counts.waiting, "all is sent")

    assert [line["n"] for line in lines] == [0, 1, 2]


def test_a_program_ends_within_the_flush_limit(channel: str) -> None:
    code = """
import logging, sys
from sse_hub.logging import RedisHandler
logging.getLogger().addHandler(RedisHandler(sys.argv[1], exit_seconds=0.5))
logging.warning("lost")
"""
    started = time.monotonic()
    said = run_python(code, f"redis://127.0.0.1:{free_port()}/0")

    assert time.monotonic() - started < 5 * PATIENCE
    assert said == "sse_hub.logging: 1 lines were not sent within 0.5 s\n"


def test_forked_children_and_their_parent_log_every_line_exactly_once(server: RedisServer, channel: str) -> None:
    with published_lines(server, channel) as lines:
        run_python(FORKS, server.publisher_url, channel)

    for who in ("early", "late", *(f"{kind}{n}" for kind in ("multi", "pre") for n in range(3))):
        assert [line["n"] for line in lines if line["who"] == who] == list(range(300)), who
    assert len([line for line in lines if line["who"] == "between"]) == 3


def test_a_handler_survives_an_object_that_logs_while_being_formatted(server: RedisServer, channel: str) -> None:
    handler = RedisHandler(server.publisher_url, channel)

    class Chatty:
        def __str__(self) -> str:
            logger.info("inner")
            return "chatty"

    with published_lines(server, channel) as lines, logger_with(handler) as logger:
        logger.info("%s", Chatty())
        handler.flush()

    assert [line["message"] for line in lines] == ["inner", "chatty"]


def test_lines_logged_at_interpreter_exit_are_sent(server: RedisServer, channel: str) -> None:
    code = """
import atexit, logging, sys
from sse_hub.logging import RedisHandler
logging.basicConfig(level="INFO", handlers=[RedisHandler(sys.argv[1], sys.argv[2])])
atexit.register(logging.info, "last words")
"""
    with published_lines(server, channel) as lines:
        assert run_python(code, server.publisher_url, channel) == ""

    assert [line["message"] for line in lines] == ["last words"]


def test_an_idle_handler_loses_no_line_when_redis_closes_its_connection(server: RedisServer, channel: str) -> None:
    handler = RedisHandler(server.publisher_url, channel)
    with published_lines(server, channel) as lines, logger_with(handler) as logger, server.client() as client:
        logger.info("before")
        handler.flush()
        client.client_kill_filter(_type="normal", skipme=True)
        logger.info("after")
        wait_until(lambda: not handler.counts.waiting, "it is sent")

    assert [line["message"] for line in lines] == ["before", "after"]
