"""
What goes wrong in the demo shop: small functions that really raise, so that the tracebacks are real ones.
"""

import traceback
from collections.abc import Mapping, Sequence
from typing import NoReturn


class PaymentFailed(Exception):
    """The money did not come."""


class SoldOut(Exception):
    """Somebody was faster."""


def charge(order_id: int, amount: float) -> None:
    """Ask the payment provider, who never answers in this demo: an exception with a cause."""
    try:
        _connect("pay.example", 443)
    except TimeoutError as error:
        raise PaymentFailed(f"order {order_id}: {amount:.2f} EUR not charged") from error


def reserve(product: str, wanted: int, stock: Mapping[str, int]) -> int:
    """The pieces of `product` left after taking `wanted` of them."""
    left = stock.get(product, 0) - wanted
    if left < 0:
        raise SoldOut(f"{product}: {wanted} wanted | {stock.get(product, 0)} left")
    return left


def confirmation(order_id: int) -> str:
    """The text of a mail whose template wants more than it is given."""
    return _render("Dear {name},\nthank you for order {order_id}.", {"order_id": order_id})


def average_ms(durations_ms: Sequence[float]) -> float:
    """The mean of `durations_ms`; an hour without a visit was not thought of."""
    return sum(durations_ms) / len(durations_ms)


def traceback_text(error: BaseException) -> str:
    """What Python prints for `error`, with its causes."""
    return "".join(traceback.format_exception(error)).rstrip("\n")


def _connect(host: str, port: int) -> NoReturn:
    raise TimeoutError(f"{host}:{port} did not answer within 3 s")


def _render(template: str, values: Mapping[str, object]) -> str:
    return template.format_map(values)
