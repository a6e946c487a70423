"""
sse-hub: a live log hub. Lines come in by Redis `PUBLISH`, go out as Server-Sent Events.

A Sanic app of one's own mounts a hub with `hub_blueprint(Config(redis_url=…))`.

Imports go one way, and `tests/unit/project/test_layers.py` holds them to it:

    errors < redis_url < config < tasks                        modules that every package may import
    protocol < hub < broker < history < auth < http < server < commands < cli
    logging                                                    may import protocol and broker; nothing imports it
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sse_hub.config import Config
    from sse_hub.http.app import hub_blueprint

__all__ = ["Config", "hub_blueprint"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Only when it is asked for: an app that imports nothing but sse_hub.logging must not pay for a server.
    if name == "hub_blueprint":
        from sse_hub.http.app import hub_blueprint

        return hub_blueprint
    if name == "Config":
        from sse_hub.config import Config

        return Config
    raise AttributeError(f"module 'sse_hub' has no attribute {name!r}")
