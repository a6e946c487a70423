"""What `sse-hub check` makes of what Sentinels say."""

from sse_hub.broker.address import HostPort
from sse_hub.broker.topology import Answer, Primary
from sse_hub.commands.check.sentinels import SentinelView, judge_sentinels

A, B, C = ("10.0.0.1", 26379), ("10.0.0.2", 26379), ("10.0.0.3", 26379)
OLD, NEW = ("10.0.0.4", 6379), ("10.0.0.5", 6379)


def view(primary: HostPort = NEW, epoch: int = 2, others: int = 2, quorum: int = 2, usable: int = 2) -> SentinelView:
    servers = [(f"10.0.1.{number}", 26379) for number in range(others)]
    return SentinelView(Answer(Primary(primary, epoch=epoch), servers), quorum, 2, usable)


def grades(views: dict[HostPort, SentinelView | str]) -> dict[str, str]:
    return {result.subject: result.status.value for result in judge_sentinels(views)}


def test_three_that_agree_are_all_well() -> None:
    assert grades({A: view(), B: view(), C: view()}) == {"sentinels": "ok", "quorum": "ok", "replicas": "ok"}


def test_one_that_does_not_answer_and_one_that_names_another_primary_are_warnings() -> None:
    [sentinels, *_] = judge_sentinels({A: view(), B: view(), C: "no answer within 1 s"})
    assert (sentinels.status, sentinels.detail) == (
        "warn",
        "2 of 3 name 10.0.0.5:6379, epoch 2; 10.0.0.3:26379: no answer within 1 s",
    )
    assert grades({A: view(), B: view(), C: view(OLD, 1)})["sentinels"] == "warn"


def test_without_a_majority_or_a_replica_no_failover_is_possible() -> None:
    assert grades({A: view(), B: "x", C: "x"})["quorum"] == "BAD"
    assert grades({A: view(quorum=4), B: view(quorum=4), C: view(quorum=4)})["quorum"] == "BAD"
    assert grades({A: view(others=1), B: view(others=1)})["quorum"] == "warn"
    assert grades({A: view(usable=0)})["replicas"] == "BAD"
    assert grades({A: view(usable=1)})["replicas"] == "warn"
    assert grades({A: "x", B: "x"}) == {"sentinels": "BAD"}
