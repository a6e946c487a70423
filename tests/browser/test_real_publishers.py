"""Programs that know nothing of a hub, as people have them: their output reaches the page, and it reads it right."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import open_page, wait_received
from tests.support.servers import HubProcess, RedisServer
from tests.support.ship_command import shipper

pytestmark = pytest.mark.browser

LOGGING = """
import logging, sys
logging.basicConfig(
    level="DEBUG",
    handlers=[logging.FileHandler(sys.argv[1], encoding="utf-8")],
    format="%(asctime)s - %(name)s - %(levelname)s - %(message)s",
)
for _ in range(2):
    logging.getLogger("shop.api").info("Visit 新增 id %d - paid", 8348)
    logging.getLogger("shop.orders").error("no stock")
sys.stdin.read()  # It goes on running, as a service with nothing to say does.
"""
FIGURES = """
import json, sys, psutil, redis
client = redis.Redis.from_url(sys.argv[1])
while True:
    figures = {"cpu_percent": psutil.cpu_percent(interval=0.1), "memory_percent": psutil.virtual_memory().percent}
    client.publish("generated.cpu", json.dumps(figures))
"""


@contextmanager
def running(program: str, argument: str) -> Iterator[None]:
    """`program` in a Python of its own, killed at the end of the block."""
    with subprocess.Popen([sys.executable, "-c", program, argument], stdin=subprocess.PIPE) as process:
        try:
            yield
        finally:
            process.kill()


def test_a_shipped_python_log_file_is_shown_with_level_and_logger(
    page: Page, hub: HubProcess, redis: RedisServer, tmp_path: Path
) -> None:
    hub.wait_recording()
    path = tmp_path / "generated.log"
    open_page(page, hub, "generated")

    with running(LOGGING, str(path)), shipper(redis, tmp_path, str(path), "--from-start"):
        wait_received(page, 4)

    visit = page.locator("[data-testid=row][data-level=info]").first
    expect(visit.locator(".logger")).to_have_text("shop.api")
    expect(visit.locator(".message")).to_have_text("Visit 新增 id 8348 - paid")
    refused = page.locator("[data-testid=row][data-level=error]").first
    expect(refused.locator(".logger")).to_have_text("shop.orders")
    expect(refused.locator(".message")).to_have_text("no stock")


def test_published_psutil_figures_are_drawn_as_a_chart(page: Page, hub: HubProcess, redis: RedisServer) -> None:
    open_page(page, hub, "generated.cpu")

    with running(FIGURES, redis.url):
        wait_received(page, 10)

    expect(page.get_by_test_id("plot")).to_be_visible()
    for name in ("cpu_percent", "memory_percent"):
        expect(page.locator(".plot-legend")).to_contain_text(name)
