"""The hub's own app, not started: Sanic takes the name of an app once in a process."""

from functools import cache
from typing import Any

from sanic import Sanic

from sse_hub.config import Config
from sse_hub.http.app import create_app
from sse_hub.http.peers import SINGLE


@cache
def whole_app() -> "Sanic[Any, Any]":
    """It, the same one each time."""
    return create_app(Config(redis_url="redis://127.0.0.1:1/0"), lambda: None, SINGLE)
