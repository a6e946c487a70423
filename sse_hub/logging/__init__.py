"""
Log lines out of a Python app: a `logging.Handler` that never blocks the app and never raises into it.

    record --> JsonFormatter --> Buffer --> Sender, a thread --> Publishing or Recording --> Redis --> hub

    from sse_hub.logging import RedisHandler
    logging.getLogger().addHandler(RedisHandler("redis://127.0.0.1:6379/0", "app"))

Nothing here imports the hub's server. A line is formatted on the calling thread, so what it says is what was the case
when it was logged, and no object of the app is held or touched by another thread.
"""

from sse_hub.logging.buffer import Counts
from sse_hub.logging.formatter import JsonFormatter
from sse_hub.logging.handler import RedisHandler

__all__ = ["Counts", "JsonFormatter", "RedisHandler"]
