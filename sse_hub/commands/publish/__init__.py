"""
A pipe into a channel: publishes the lines of standard input, or of arguments, as they arrive.

    stdin --> InputBuffer (a thread; --tee: stdout first) --> payload() --> RedisTarget or HttpTarget --> PublishResult
"""

from sse_hub.commands.publish.run import PublishPlan, publish

__all__ = ["PublishPlan", "publish"]
