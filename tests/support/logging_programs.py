"""Programs that log through `RedisHandler`, and the lines that they publish."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.servers import RedisServer
from tests.support.settings import DEADLINE_SECONDS, ROOT


@contextmanager
def published_lines(server: RedisServer, channel: str) -> Iterator[list[dict[str, Any]]]:
    """The lines published on `channel` until the block ends. A final marker shows that all have arrived."""
    lines: list[dict[str, Any]] = []
    with server.client() as client, client.pubsub(ignore_subscribe_messages=True) as listening:
        listening.subscribe(channel)
        # The confirmation of the subscription: lines published after it are received.
        assert listening.get_message(timeout=DEADLINE_SECONDS) is None
        yield lines
        client.publish(channel, "end")
        while (message := listening.get_message(timeout=DEADLINE_SECONDS)) and message["data"] != b"end":
            lines.append(json.loads(message["data"]))


def run_python(code: str, *arguments: str) -> str:
    """Run a program and return both its outputs. AssertionError if it fails, TimeoutExpired if it is slow."""
    command = [sys.executable, "-c", code, *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


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
