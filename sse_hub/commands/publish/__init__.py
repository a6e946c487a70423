"""
A pipe into a channel: the lines of the standard input, or of arguments, published as they come.

    stdin --> Intake (a thread; --tee: stdout first) --> payload() --> RedisOutlet or HttpOutlet --> Tally
"""

from sse_hub.commands.publish.run import PublishPlan, publish

__all__ = ["PublishPlan", "publish"]
