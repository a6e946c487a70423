"""
sse-hub: a live log hub. Lines arrive by Redis `PUBLISH` and leave as Server-Sent Events.

Your own Sanic app mounts a hub with `hub_blueprint(Config(redis_url=…))`.

Imports go one way, which `tests/unit/project/test_layers.py` checks:

    errors < durations < redis_url < config < tasks, reloaded_file, standard_streams   every package may import these
    protocol < formats < filters < hub < broker < history < alerts < auth < http < server < commands < cli
    logging                                                    may import protocol and broker; nothing imports it
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sse_hub.config import Config
    from sse_hub.http.app import hub_blueprint

__all__ = ["Config", "hub_blueprint"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Imported on first use: an app that needs only sse_hub.logging must not load a server.
    if name == "hub_blueprint":
        from sse_hub.http.app import hub_blueprint

        return hub_blueprint
    if name == "Config":
        from sse_hub.config import Config

        return Config
    raise AttributeError(f"module 'sse_hub' has no attribute {name!r}")
