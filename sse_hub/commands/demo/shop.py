"""
Channels `shop.api`, `shop.orders`, `shop.mail`: one story after another, with a rush from time to time.
"""

from dataclasses import replace
from random import Random

from sse_hub.commands.demo.step import Clock, Steps
from sse_hub.commands.demo.story import STORIES, STORY_WEIGHTS, Request, order, unpaid_order

USERS = ("ana", "björn", "chen", "dörte", "小明", "o'neill")

# Two shops run at once (see publish_demo), so a rush comes about once a minute.
QUIET_AT_FIRST_SECONDS = (20.0, 120.0)
# Whoever has just started the demo sees an alert soon: `rules.toml` has a rule for failed payments.
PAID_AT_FIRST_SECONDS = 8.0
PAID_BETWEEN_FAILURES_SECONDS = (20.0, 60.0)
QUIET_BETWEEN_RUSHES_SECONDS = (90.0, 150.0)
RUSH_LINES = (200, 400)
RUSH_LINES_AT_ONCE = 25
RUSH_PAUSE_SECONDS = 0.1


def shop_steps(chance: Random, clock: Clock) -> Steps:
    """Requests without end; about two and a half lines a second."""
    # An order first: someone who opens the page at the start sees all three channels at work.
    yield from order(new_request(chance, clock))
    quiet_seconds = chance.uniform(*QUIET_AT_FIRST_SECONDS)
    paid_seconds = PAID_AT_FIRST_SECONDS
    while True:
        story = chance.choices(STORIES, STORY_WEIGHTS)[0]
        if paid_seconds < 0:
            story, paid_seconds = unpaid_order, chance.uniform(*PAID_BETWEEN_FAILURES_SECONDS)
        for step in story(new_request(chance, clock)):
            quiet_seconds -= step.pause_seconds
            paid_seconds -= step.pause_seconds
            yield step
        if quiet_seconds < 0:
            yield from rush(chance, clock)
            quiet_seconds = chance.uniform(*QUIET_BETWEEN_RUSHES_SECONDS)


def rush(chance: Random, clock: Clock) -> Steps:
    """A sale starts: hundreds of requests within a second or two."""
    for n in range(1, chance.randint(*RUSH_LINES) + 1):
        request = new_request(chance, clock)
        request.elapsed_seconds += chance.expovariate(2)
        status = chance.choices((200, 429, 503), (85, 12, 3))[0]
        pause_seconds = 0.0 if n % RUSH_LINES_AT_ONCE else RUSH_PAUSE_SECONDS
        yield replace(request.answer(status, f"GET /sale - visitor {n}"), pause_seconds=pause_seconds)


def new_request(chance: Random, clock: Clock) -> Request:
    """A request of a random user that has just arrived, with its own trace id."""
    return Request(chance, clock, f"{chance.getrandbits(64):016x}", chance.choice(USERS), chance.uniform(0.001, 0.02))
