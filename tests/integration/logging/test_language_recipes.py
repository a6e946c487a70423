"""
The recipes of docs/publishers.md for Go, Java, Rust and PHP (I5): Redis is absent, cuts them off, or freezes.

Whatever it does, the app is never held up and never fails. Only PHP, which has no thread for it, may lose lines.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from sse_hub.formats.levels import WARN
from sse_hub.formats.reader import read_line
from tests.support.language_recipes import RECIPES, build_recipe, running
from tests.support.logging_programs import published_lines
from tests.support.servers import RedisServer, free_port, redis_server
from tests.support.waiting import wait_until

# The language, the command, the folder to run it in, and the port on which it expects Redis.
BuiltRecipe = tuple[str, list[str], Path, int]

CHANNEL = "app"
HOSTILE = ['plain "quoted" text', "back\\slash 'and' $(more)", "新增 {} {0} %s %d", "<b>&amp;</b>"]


@pytest.fixture(scope="module", params=RECIPES)
def recipe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BuiltRecipe:
    """A recipe of docs/publishers.md, built."""
    folder, port = tmp_path_factory.mktemp(request.param), free_port()
    return request.param, build_recipe(request.param, folder, port, CHANNEL), folder, port


@dataclass
class Destination:
    """The Redis that a recipe publishes to, a client of ours that is connected to it, and the `lines` it gets."""

    server: RedisServer
    client: redis.Redis
    lines: list[dict[str, Any]]

    def wait_published(self, count: int) -> None:
        """Return when `count` lines were published in all."""
        stats: Any = self.client.info
        wait_until(
            lambda: stats("commandstats").get("cmdstat_publish", {"calls": 0})["calls"] >= count,
            f"{count} lines are published",
        )

    def clients(self) -> set[str]:
        """The ids of the clients that may publish."""
        return {client["id"] for client in self.client.client_list(_type="normal")}


@contextmanager
def destination(port: int) -> Iterator[Destination]:
    """A Redis on `port`. It has a subscriber before it can be reached there."""
    with redis_server() as server, published_lines(server, CHANNEL) as lines, server.client() as client:
        client.config_set("port", port)
        yield Destination(server, client, lines)
        client.config_set("port", server.port)


def test_i5_a_recipe_runs_and_ends_without_redis(recipe: BuiltRecipe) -> None:
    _, command, folder, _ = recipe
    with running(command, folder) as program:
        program.log([f"line {number}" for number in range(20)])
        program.end()


def test_i5_a_recipe_publishes_through_a_cut_and_never_waits_for_a_frozen_redis(
    recipe: BuiltRecipe,
) -> None:
    language, command, folder, port = recipe
    queues = language != "php"
    absent = [f"absent {number}" for number in range(20)] if queues else []
    before, cut, frozen, last = (
        [f"{part} {number}" for number in range(20)] for part in ("before", "cut", "frozen", "last")
    )
    with running(command, folder) as program:
        program.log(absent)
        with destination(port) as reached:
            ours = reached.clients()
            program.log([*HOSTILE, *before])
            reached.wait_published(len([*absent, *HOSTILE, *before]))
            for client in reached.clients() - ours:
                reached.client.client_kill_filter(_id=client)
            program.log(cut)
            reached.wait_published(len([*absent, *HOSTILE, *before, *cut]))
            if queues:
                reached.server.freeze()
                program.log(frozen)
                reached.server.thaw()
            program.log(last)
            program.end()
    # A line may come twice when a connection is cut while it is published.
    records = [read_line(json.dumps(line)) for line in reached.lines]
    texts = list(dict.fromkeys(record.message for record in records))
    assert texts == [*absent, *HOSTILE, *before, *cut, *(frozen if queues else []), *last]
    # F2: the page and the terminal read what these loggers write.
    assert {(record.level, record.logger) for record in records} == {(WARN, "shop")}
    assert all(record.time and record.time.zoned for record in records)
