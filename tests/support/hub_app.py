"""The hub's Sanic app, not started. Sanic accepts the name of an app only once in a process, so tests share it."""

from functools import cache
from typing import Any

from sanic import Sanic

from sse_hub.config import Config
from sse_hub.http.app import create_app
from sse_hub.http.peers import SINGLE


@cache
def hub_app() -> "Sanic[Any, Any]":
    """The app, the same one each time."""
    return create_app(Config(redis_url="redis://127.0.0.1:1/0"), lambda: None, SINGLE)
