"""
Failures in the demo shop: small functions that really raise, so that the tracebacks are real.
"""

import traceback
from collections.abc import Mapping, Sequence
from typing import NoReturn


class PaymentFailed(Exception):
    """The payment was not made."""


class SoldOut(Exception):
    """The product is out of stock."""


def charge(order_id: int, amount: float) -> None:
    """Request a payment from the provider, which never answers in this demo: an exception with a cause."""
    try:
        _connect("pay.example", 443)
    except TimeoutError as error:
        raise PaymentFailed(f"order {order_id}: {amount:.2f} EUR not charged") from error


def reserve(product: str, quantity: int, stock: Mapping[str, int]) -> int:
    """The number of `product` left after taking `quantity` of it."""
    left = stock.get(product, 0) - quantity
    if left < 0:
        raise SoldOut(f"{product}: {quantity} requested | {stock.get(product, 0)} left")
    return left


def confirmation(order_id: int) -> str:
    """The text of a mail whose template needs more than it is given."""
    return _render("Dear {name},\nthank you for order {order_id}.", {"order_id": order_id})


def average_ms(durations_ms: Sequence[float]) -> float:
    """The mean of `durations_ms`; fails for an hour without visits."""
    return sum(durations_ms) / len(durations_ms)


def traceback_text(error: BaseException) -> str:
    """The traceback that Python prints for `error`, with its causes."""
    return "".join(traceback.format_exception(error)).rstrip("\n")


def _connect(host: str, port: int) -> NoReturn:
    raise TimeoutError(f"{host}:{port} did not answer within 3 s")


def _render(template: str, values: Mapping[str, object]) -> str:
    return template.format_map(values)
