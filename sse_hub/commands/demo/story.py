"""
Stories of the demo shop: the path of one request through three services that log JSON.

    story (browse, order, ...) --> lines that share a trace_id, each on the channel of its service
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from random import Random
from typing import TypeAlias

from sse_hub.commands.demo.failure import PaymentFailed, SoldOut, charge, confirmation, reserve, traceback_text
from sse_hub.commands.demo.step import Clock, Step, Steps, json_line

API, ORDERS, MAIL = "shop.api", "shop.orders", "shop.mail"
PRODUCTS = ("teapot", "kettle", "cup|blue", "Tee 茶", "spoon")

PAUSE_IN_STORY_SECONDS = 0.15
LONGEST_PAUSE_IN_STORY_SECONDS = 1.0
PAUSE_AFTER_STORY_SECONDS = (0.2, 1.4)


@dataclass(slots=True)
class Request:
    """One request in progress; it makes the lines about it."""

    chance: Random
    clock: Clock
    trace_id: str
    user: str
    elapsed_seconds: float

    def line(self, service: str, level: str, message: str, **fields: object) -> Step:
        """A line with a short pause after it, during which the request continues."""
        pause_seconds = min(self.chance.expovariate(1 / PAUSE_IN_STORY_SECONDS), LONGEST_PAUSE_IN_STORY_SECONDS)
        self.elapsed_seconds += pause_seconds
        return self._step(pause_seconds, service, level, message, fields)

    def answer(self, status: int, message: str, **fields: object) -> Step:
        """The last line of a request, with a long pause after it."""
        level = "error" if status >= 500 else "warning" if status >= 400 else "info"
        ending = {"status": status, "duration_ms": round(self.elapsed_seconds * 1000, 1)}
        return self._step(self.chance.uniform(*PAUSE_AFTER_STORY_SECONDS), API, level, message, fields | ending)

    def _step(self, pause_seconds: float, service: str, level: str, message: str, fields: dict[str, object]) -> Step:
        time = self.clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = {"time": time, "level": level, "logger": service, "message": message}
        return Step(service, json_line({**head, "trace_id": self.trace_id, "user": self.user, **fields}), pause_seconds)


Story: TypeAlias = Callable[[Request], Steps]


def browse(request: Request) -> Steps:
    product = request.chance.choice(PRODUCTS)
    if request.chance.random() < 0.6:
        yield request.line(API, "debug", f"cache miss - product|{product}", cache="products")
    yield request.answer(200, f"GET /products/{product}", product=product)


def probe(request: Request) -> Steps:
    """A bot that tries to run a script in the reader's browser."""
    yield request.answer(404, "GET /wp-login.php - no such page", agent="<script>alert('bot')</script>")


def order(request: Request) -> Steps:
    """An order, and the mail about it, if all goes well."""
    ending = request.chance.choices((_paid, _unpaid, _without_mail, _sold_out), (82, 7, 6, 5))[0]
    yield from _order(request, ending)


def unpaid_order(request: Request) -> Steps:
    """An order whose payment fails."""
    yield from _order(request, _unpaid)


def _order(request: Request, ending: Callable[[Request, int, float], Steps]) -> Steps:
    order_id, amount = request.chance.randint(10_000, 99_999), round(request.chance.uniform(5, 250), 2)
    yield request.line(API, "debug", "POST /orders accepted", order_id=order_id)
    yield request.line(ORDERS, "info", f"order {order_id} created", order_id=order_id, amount=amount, currency="EUR")
    yield from ending(request, order_id, amount)


def _paid(request: Request, order_id: int, amount: float) -> Steps:
    yield request.line(ORDERS, "info", f"order {order_id} paid - {amount:.2f} EUR", order_id=order_id, amount=amount)
    yield request.line(MAIL, "info", f"confirmation sent to {request.user}", order_id=order_id, template="confirmation")
    yield request.answer(201, "POST /orders", order_id=order_id)


def _unpaid(request: Request, order_id: int, amount: float) -> Steps:
    try:
        charge(order_id, amount)
    except PaymentFailed as error:
        yield request.line(ORDERS, "error", str(error), order_id=order_id, exception=traceback_text(error))
    yield request.line(MAIL, "warning", f"{request.user} is asked to pay again", order_id=order_id, template="unpaid")
    yield request.answer(502, "POST /orders - payment provider away", order_id=order_id)


def _without_mail(request: Request, order_id: int, amount: float) -> Steps:
    yield request.line(ORDERS, "info", f"order {order_id} paid - {amount:.2f} EUR", order_id=order_id, amount=amount)
    try:
        confirmation(order_id)
    except KeyError as error:
        trace = traceback_text(error)
        yield request.line(MAIL, "critical", "no mail leaves - broken template", order_id=order_id, exception=trace)
    yield request.answer(201, "POST /orders", order_id=order_id)


def _sold_out(request: Request, order_id: int, amount: float) -> Steps:
    try:
        reserve("teapot", 3, {"teapot": 2})
    except SoldOut as error:
        yield request.line(ORDERS, "warning", str(error), order_id=order_id, exception=traceback_text(error))
    yield request.line(MAIL, "info", f"{request.user} will hear of new teapots", order_id=order_id, template="sold-out")
    yield request.answer(409, "POST /orders - sold out", order_id=order_id, amount=amount)


STORIES: tuple[Story, ...] = (browse, order, probe)
STORY_WEIGHTS = (60, 37, 3)
