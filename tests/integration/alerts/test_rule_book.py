"""The rules of one process, from their file and from Redis."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import redis
import redis.asyncio

from sse_hub.alerts.rule_book import RuleBook
from sse_hub.alerts.rule_file import RuleFile
from sse_hub.reloaded_file import ReloadedFile
from tests.support.alert_outbox import KEYS
from tests.support.servers import RedisServer


async def test_an_edited_file_is_read_once_and_never_by_the_thread_that_serves(
    module_server: RedisServer, outbox: redis.Redis, tmp_path: Path
) -> None:
    """The first destination that needs a library loads it, which takes some tenths of a second."""
    path = tmp_path / "rules.toml"
    path.write_text("")
    readers: list[threading.Thread] = []

    def parse(text: str) -> RuleFile[Any]:
        readers.append(threading.current_thread())
        return RuleFile()

    file = ReloadedFile("--rules", str(path), parse)
    async with redis.asyncio.Redis.from_url(module_server.url) as commands:
        book: RuleBook[Any] = RuleBook(commands, KEYS, file)
        path.write_text("# edited")
        await asyncio.gather(book.refresh(), book.refresh())

    assert book.changed.is_set()
    at_start, after_edit = readers
    assert at_start is threading.main_thread()
    assert after_edit is not threading.main_thread()
