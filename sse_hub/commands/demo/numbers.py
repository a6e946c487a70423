"""
Channel `numbers`: a publisher that comes to an end. 1 to 100, then the event `closed`, then the same after a rest.
"""

from sse_hub.commands.demo.step import Step, Steps, json_line

CHANNEL = "numbers"
COUNT = 100
PAUSE_SECONDS = 0.1
REST_SECONDS = 20.0


def number_steps() -> Steps:
    """Round after round, for ever."""
    while True:
        for n in range(1, COUNT + 1):
            yield Step(CHANNEL, json_line({"n": n}), PAUSE_SECONDS)
        yield Step(CHANNEL, json_line({"@event": "closed"}), REST_SECONDS)
