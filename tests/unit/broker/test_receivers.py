"""When a publisher asks where the hubs are, by the number of receivers of its lines."""

from redis.exceptions import ResponseError

from sse_hub.broker.receivers import LOOK_SECONDS, ReceiverCheck, unheard


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_asks_at_once_when_nobody_receives_any_more_and_then_once_a_second() -> None:
    clock = Clock()
    check = ReceiverCheck(clock)

    assert not check.due([("a", 1), ("a", 2)])
    assert check.due([("a", 1), ("a", 0)])
    assert not check.due([("a", 0)])
    clock.now += LOOK_SECONDS
    assert check.due([("a", 0)])
    assert not check.due([("a", 1)])
    assert check.due([("a", 0)]), "somebody has received in between"


def test_a_channel_that_no_hub_follows_hides_no_other_one() -> None:
    clock = Clock()
    check = ReceiverCheck(clock)

    assert check.due([("followed", 1), ("other", 0)])
    assert not check.due([("followed", 1), ("other", 0)])
    assert check.due([("followed", 0), ("other", 0)])


def test_a_line_that_was_refused_or_has_no_reply_may_have_been_received() -> None:
    refused = ResponseError("no")

    assert not ReceiverCheck().due([("a", refused), ("b", None)])
    assert unheard([1, 0, refused, None, 0]) == [1, 4]
