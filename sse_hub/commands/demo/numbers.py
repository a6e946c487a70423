"""
Channel `numbers`: a publisher that ends. 1 to 100, then the event `closed`, and the same again after a pause.
"""

from sse_hub.commands.demo.step import Step, Steps, json_line

CHANNEL = "numbers"
COUNT = 100
PAUSE_SECONDS = 0.1
ROUND_PAUSE_SECONDS = 20.0


def number_steps() -> Steps:
    """Rounds without end."""
    while True:
        for n in range(1, COUNT + 1):
            yield Step(CHANNEL, json_line({"n": n}), PAUSE_SECONDS)
        yield Step(CHANNEL, json_line({"@event": "closed"}), ROUND_PAUSE_SECONDS)
