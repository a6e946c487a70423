"""
Log lines from a Python app: a `logging.Handler` that never blocks the app and never raises an exception into it.

    record --> JsonFormatter --> LineBuffer --> SenderThread --> AtMostOnceDelivery or DurableDelivery --> Redis --> hub

    from sse_hub.logging import RedisHandler
    logging.getLogger().addHandler(RedisHandler("redis://127.0.0.1:6379/0", "app"))

Nothing here imports the hub's server. A line is formatted on the calling thread, so it describes the moment it was
logged, and no other thread keeps or touches an object of the app.
"""

from sse_hub.logging.buffer import Counts
from sse_hub.logging.formatter import JsonFormatter
from sse_hub.logging.handler import RedisHandler

__all__ = ["Counts", "JsonFormatter", "RedisHandler"]
