"""`RedisHandler`: a line for each record, in order, whatever becomes of Redis; what is missing is counted exactly."""

import json
import logging
import logging.config
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sse_hub.errors import InvalidSetting
from sse_hub.logging import RedisHandler
from tests.rig import DEADLINE_SECONDS, PATIENCE, ROOT, RedisServer, free_port, redis_server, wait_until


@contextmanager
def heard(server: RedisServer, channel: str) -> Iterator[list[dict[str, Any]]]:
    """What is published on `channel` until the block ends; a last line shows that nothing is still to come."""
    lines: list[dict[str, Any]] = []
    with server.client() as client, client.pubsub(ignore_subscribe_messages=True) as listening:
        listening.subscribe(channel)
        # The confirmation: what is published after it is heard.
        assert listening.get_message(timeout=DEADLINE_SECONDS) is None
        yield lines
        client.publish(channel, "end")
        while (message := listening.get_message(timeout=DEADLINE_SECONDS)) and message["data"] != b"end":
            lines.append(json.loads(message["data"]))


@contextmanager
def logger_with(handler: logging.Handler) -> Iterator[logging.Logger]:
    """A logger that has `handler` alone, which is closed at the end."""
    logger = logging.Logger("app")
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        handler.close()


def python(code: str, *arguments: str) -> str:
    """What a program prints on both outputs. AssertionError if it fails or takes too long."""
    command = [sys.executable, "-c", code, *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def test_it_works_from_a_dict_config(server: RedisServer, channel: str) -> None:
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
    with heard(server, channel) as lines:
        python(code, server.publisher_url, channel)

    assert [(line["message"], line["logger"], line["user"]) for line in lines] == [("Visit 新增", "shop", "ana")]


def test_the_import_is_light_and_leaves_logging_to_the_standard_library() -> None:
    code = """
import sys, sse_hub.logging, logging
heavy = {"sanic", "redis", "asyncio", "click", "httpx", "uvloop", "importlib.resources"} & set(sys.modules)
assert not heavy, heavy
assert logging is sys.modules["logging"] and logging.__name__ == "logging", logging.__file__
import sse_hub.commands.serve
assert sys.modules["sse_hub.history.reader"].logging is logging
"""
    assert python(code) == ""


@pytest.mark.parametrize(("url", "channel"), [("http://x", "log"), ("redis://", "a b"), ("redis://", "sse-hub:fence")])
def test_a_setting_that_cant_be_used_is_refused_by_name(url: str, channel: str) -> None:
    with pytest.raises(InvalidSetting, match="can't be"):
        RedisHandler(url, channel)


def test_another_formatters_lines_are_published_as_they_are(server: RedisServer, channel: str) -> None:
    handler = RedisHandler(server.publisher_url, channel)
    handler.setFormatter(logging.Formatter('{"said": "%(message)s"}'))
    with heard(server, channel) as lines, logger_with(handler) as logger:
        logger.info("hello %s", "you")
        logger.info("%d", "no number")
        handler.flush()

    assert lines[0] == {"said": "hello you"}
    assert lines[1]["logging_error"].startswith("TypeError")


def test_a_line_leaves_at_once(server: RedisServer, channel: str) -> None:
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


def test_lines_of_many_threads_all_come_each_threads_in_order(server: RedisServer, channel: str) -> None:
    handler = RedisHandler(server.publisher_url, channel)
    with heard(server, channel) as lines, logger_with(handler) as logger:

        def work(thread: int) -> None:
            for n in range(500):
                logger.info("x", extra={"t": thread, "n": n})

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        handler.flush()

    for thread in range(8):
        assert [line["n"] for line in lines if line["t"] == thread] == list(range(500))


def test_what_finds_no_room_while_redis_stands_still_is_told_exactly(channel: str) -> None:
    count = 5_000
    with redis_server() as server:
        handler = RedisHandler(server.publisher_url, channel, buffer_bytes=100_000)
        with heard(server, channel) as lines, logger_with(handler) as logger:
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


def test_what_waits_takes_no_more_memory_than_it_may() -> None:
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
    said = python(code, f"redis://127.0.0.1:{free_port()}/0")

    assert 0.3 < float(said.splitlines()[0]) < 1.2


def test_what_finds_no_room_while_redis_is_away_is_told_exactly(channel: str) -> None:
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
    # And the report.
    assert published == kept + 1


def test_a_line_whose_answer_never_came_counts_as_unsure_and_is_not_sent_again(channel: str) -> None:
    with redis_server() as server:
        handler = RedisHandler(server.publisher_url, channel)
        with logger_with(handler) as logger, heard(server, channel) as lines:
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
    """True when bytes have come that the server, which is frozen, has not read."""
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    queues = [words[4] for words in sockets if int(words[1].rpartition(":")[2], 16) == server.port]
    return any(int(queue.rpartition(":")[2], 16) for queue in queues)


def _cut(handler: RedisHandler) -> None:
    """Cut the connection as a network does."""
    link: Any = handler._delivery
    link._link._connection._sock.shutdown(socket.SHUT_RDWR)


def test_lines_wait_for_a_redis_that_comes_later(channel: str) -> None:
    port = free_port()
    handler = RedisHandler(f"redis://127.0.0.1:{port}/0", channel)
    with logger_with(handler) as logger:
        logger.info("early")
        with redis_server(port=port) as server, heard(server, channel):
            wait_until(lambda: not handler.counts.waiting, "it is sent")
        assert handler.counts.sent == 1


def test_lines_wait_while_redis_refuses_them(channel: str) -> None:
    with redis_server() as server, server.client() as client, heard(server, channel) as lines:
        client.execute_command("ACL", "SETUSER", "app", "on", "nopass", "resetchannels", "+publish")
        handler = RedisHandler(server.url.replace("://", "://app:x@"), channel)
        with logger_with(handler) as logger:
            for n in range(3):
                logger.info("x", extra={"n": n})
            wait_until(lambda: handler._sender._lost, "they are refused")
            client.execute_command("ACL", "SETUSER", "app", f"&{channel}")
            wait_until(lambda: not handler.counts.waiting, "all is sent")

    assert [line["n"] for line in lines] == [0, 1, 2]


def test_the_end_of_a_program_takes_no_longer_than_it_may(channel: str) -> None:
    code = """
import logging, sys
from sse_hub.logging import RedisHandler
logging.getLogger().addHandler(RedisHandler(sys.argv[1], exit_seconds=0.5))
logging.warning("lost")
"""
    started = time.monotonic()
    said = python(code, f"redis://127.0.0.1:{free_port()}/0")

    assert time.monotonic() - started < 5 * PATIENCE
    assert said == "sse_hub.logging: 1 lines were not sent within 0.5 s\n"


FORKS = """
import logging, multiprocessing, os, sys
from sse_hub.logging import RedisHandler
handler = RedisHandler(sys.argv[1], sys.argv[2])
logging.basicConfig(level="INFO", handlers=[handler])

def work(who):
    for n in range(300):
        logging.info("x", extra={"who": who, "n": n})

def prefork(who):
    pid = os.fork()
    if not pid:
        work(who)
        sys.exit(0)
    return pid

work("early")
pids = [prefork(f"pre{n}") for n in range(3)]
fork = multiprocessing.get_context("fork")
children = [fork.Process(target=work, args=(f"multi{n}",)) for n in range(3)]
for child in children:
    child.start()
    logging.info("x", extra={"who": "between", "n": child.pid})
work("late")
for child in children:
    child.join()
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
"""


def test_parent_and_forked_children_all_log_nothing_twice_nothing_lost(server: RedisServer, channel: str) -> None:
    with heard(server, channel) as lines:
        python(FORKS, server.publisher_url, channel)

    for who in ("early", "late", *(f"{kind}{n}" for kind in ("multi", "pre") for n in range(3))):
        assert [line["n"] for line in lines if line["who"] == who] == list(range(300)), who
    assert len([line for line in lines if line["who"] == "between"]) == 3


def test_a_handler_outlives_an_object_that_logs_while_it_is_logged(server: RedisServer, channel: str) -> None:
    handler = RedisHandler(server.publisher_url, channel)

    class Chatty:
        def __str__(self) -> str:
            logger.info("inner")
            return "chatty"

    with heard(server, channel) as lines, logger_with(handler) as logger:
        logger.info("%s", Chatty())
        handler.flush()

    assert [line["message"] for line in lines] == ["inner", "chatty"]


def test_lines_logged_while_the_interpreter_ends_are_sent(server: RedisServer, channel: str) -> None:
    code = """
import atexit, logging, sys
from sse_hub.logging import RedisHandler
logging.basicConfig(level="INFO", handlers=[RedisHandler(sys.argv[1], sys.argv[2])])
atexit.register(logging.info, "last words")
"""
    with heard(server, channel) as lines:
        assert python(code, server.publisher_url, channel) == ""

    assert [line["message"] for line in lines] == ["last words"]


def test_a_closed_server_connection_costs_an_idle_handler_nothing(server: RedisServer, channel: str) -> None:
    handler = RedisHandler(server.publisher_url, channel)
    with heard(server, channel) as lines, logger_with(handler) as logger, server.client() as client:
        logger.info("before")
        handler.flush()
        client.client_kill_filter(_type="normal", skipme=True)
        logger.info("after")
        wait_until(lambda: not handler.counts.waiting, "it is sent")

    assert [line["message"] for line in lines] == ["before", "after"]
