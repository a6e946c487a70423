"""
A Sanic app with an embedded hub and its own accounts, as docs/embedding.md shows it.

    python -m tests.support.embedding_app PORT REDIS_URL
"""

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from json import load
from typing import Any

from sanic import HTTPResponse, Request, Sanic, json, text
from sanic.exceptions import NotFound
from sanic.response import BaseHTTPResponse

from sse_hub import Config, hub_blueprint
from tests.support.servers import RedisServer, free_port
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.waiting import wait_until

PREFIX = "/ops/logs"
STAFF = {"Cookie": "who=staff"}


def shop(redis_url: str) -> "Sanic[Any, Any]":
    """The app."""
    app = Sanic("shop")
    app.blueprint(hub_blueprint(Config(redis_url=redis_url, retain_lines=1000)), url_prefix=PREFIX)

    @app.on_request
    async def refuse_strangers(request: Request) -> HTTPResponse | None:
        if request.path.startswith(PREFIX) and request.cookies.get("who") != "staff":
            return json({"error": "Unauthorized", "detail": "Log in first."}, status=401)
        return None

    async def mark(_: Request, response: BaseHTTPResponse) -> None:
        response.headers["x-shop"] = "1"

    app.register_middleware(mark, "response")

    @app.get("/")
    async def welcome(_: Request) -> HTTPResponse:
        return text("the shop")

    @app.exception(NotFound)
    async def missing(_: Request, __: NotFound) -> HTTPResponse:
        return text("no such thing in the shop", status=404)

    return app


@contextmanager
def embedding_app(server: RedisServer) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the app in its own process. Yields the address of its hub, which is ready, and the process."""
    port = free_port()
    command = [sys.executable, "-m", "tests.support.embedding_app", str(port), server.url]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}{PREFIX}"
    try:
        wait_until(lambda: _ready(url), "the app's hub is ready")
        yield url, process
    finally:
        process.kill()
        process.communicate()


def _ready(url: str) -> bool:
    try:
        request = urllib.request.Request(f"{url}/health/ready", headers=STAFF)
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:
            # Ready comes a moment before recording, and what is published until then is refused.
            return bool(load(answer)["recording"])
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False


if __name__ == "__main__":
    shop(sys.argv[2]).run("127.0.0.1", int(sys.argv[1]), single_process=True, motd=False)
