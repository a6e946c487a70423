"""The judge of faults finds each kind of mistake in made-up histories: one that can't fail is worth nothing."""

import json
from collections.abc import Sequence

import pytest

from tests.support.load import Id
from tests.support.numbered_judge import Gap, Got, History, Number, Sent, judge


def sent(*seqs: int, publisher: str = "p", doubtful: Sequence[int] = ()) -> list[Sent]:
    return [Sent(Number(publisher, "c", seq), float(seq), seq in doubtful) for seq in seqs]


def got(id: str, seq: int, publisher: str = "p") -> Got:
    return Got("c", Id.parse(id), json.dumps({"text": "same", "publisher": publisher, "seq": seq}))


def gap(after: str, before: str, reason: str = "failover", channel: str = "c") -> Gap:
    return Gap(channel, Id.parse(after), Id.parse(before), reason)


def reader(*items: Got | Gap, name: str = "reader", begin: str = "10-0") -> History:
    return History(name, ["c"], list(items), begin=Id.parse(begin))


def test_a_whole_history_holds() -> None:
    verdict = judge(sent(1, 2, 3), [reader(got("10-1", 1), got("10-2", 2), got("11-1", 3))])

    assert verdict.holds
    assert (verdict.owed, verdict.delivered, verdict.told.total()) == (3, 3, 0)


def test_a_missing_line_without_a_gap_is_silent() -> None:
    verdict = judge(sent(1, 2, 3), [reader(got("10-1", 1), got("11-1", 3))])

    assert len(verdict.silent) == 1
    assert not verdict.holds
    assert "1 silent" in str(verdict)


def test_a_missing_line_in_a_gap_is_told() -> None:
    verdict = judge(sent(1, 2, 3), [reader(got("10-1", 1), gap("10-1", "12-0"), got("12-1", 3))])

    assert verdict.holds
    assert verdict.told == {"reader": 1}


def test_a_gap_elsewhere_tells_nothing() -> None:
    verdict = judge(sent(1, 2, 3, 4), [reader(got("10-1", 1), got("11-1", 3), gap("11-1", "12-0"), got("12-1", 4))])

    assert len(verdict.silent) == 1


def test_a_gap_of_another_channel_tells_nothing() -> None:
    items = (got("10-1", 1), gap("10-1", "12-0", channel="d"), got("12-1", 3))

    assert len(judge(sent(1, 2, 3), [reader(*items)]).silent) == 1


def test_a_gap_of_a_pattern_tells_of_all_channels() -> None:
    assert judge(sent(1, 2, 3), [reader(got("10-1", 1), gap("10-1", "12-0", channel="*"), got("12-1", 3))]).holds


def test_a_gap_between_neighbouring_ids_has_no_room_for_a_line() -> None:
    items = (got("10-1", 1), gap("10-1", "10-2"), got("10-2", 3))

    assert len(judge(sent(1, 2, 3), [reader(*items)]).silent) == 1


def test_a_gap_may_overlap_lines_that_were_delivered_and_come_after_them() -> None:
    items = (got("10-1", 1), got("11-1", 3), got("12-1", 4), gap("10-0", "13-0", "bus"))

    assert judge(sent(1, 2, 3, 4), [reader(*items)]).holds


def test_the_lines_of_another_publisher_are_no_bounds() -> None:
    both = sent(1, 2, 3) + sent(1, 2, publisher="q")
    items = (got("10-1", 1), got("10-2", 1, "q"), gap("10-2", "12-0"), got("12-1", 2, "q"), got("12-2", 3))

    verdict = judge(both, [reader(*items)])

    assert verdict.holds
    assert verdict.told == {"reader": 1}


@pytest.mark.parametrize("told", [False, True])
def test_lines_before_the_first_and_after_the_last_are_owed_too(told: bool) -> None:
    gaps = [gap("10-0", "12-0"), gap("12-1", "14-0")] if told else []

    verdict = judge(sent(1, 2, 3), [reader(*gaps[:1], got("12-1", 2), *gaps[1:])])

    assert len(verdict.silent) == (0 if told else 2)
    assert verdict.told.total() == (2 if told else 0)


def test_a_reader_that_got_nothing_at_all_has_lost_all() -> None:
    assert len(judge(sent(1, 2, 3), [reader()]).silent) == 3


def test_only_what_was_sent_while_a_client_read_is_owed_to_it() -> None:
    history = History("reader", ["c"], [got("10-1", 2)], since=1.5, until=2.5, begin=Id(10, 0))

    verdict = judge(sent(1, 2, 3), [history])

    assert verdict.holds
    assert verdict.owed == 1


def test_a_line_that_comes_again_with_the_same_id_is_twice() -> None:
    verdict = judge(sent(1, 2), [reader(got("10-1", 1), got("10-2", 2), got("10-2", 2))])

    assert len(verdict.twice) == 1
    assert len(verdict.disordered) == 1


def test_a_line_that_comes_again_with_another_id_is_twice_and_different() -> None:
    verdict = judge(sent(1, 2), [reader(got("10-1", 1), got("10-2", 2), got("11-1", 2))])

    assert len(verdict.twice) == 1
    assert len(verdict.different) == 1
    assert not verdict.disordered


def test_an_id_that_does_not_rise_is_disorder() -> None:
    assert len(judge(sent(1, 2), [reader(got("11-1", 1), got("10-1", 2))]).disordered) == 1


def test_a_count_that_jumps_is_a_loss_even_of_lines_that_nobody_misses() -> None:
    verdict = judge(sent(1, 2), [reader(got("10-1", 1), got("10-3", 2))])

    assert len(verdict.silent) == 1
    assert judge(sent(1, 2), [reader(got("10-1", 1), gap("10-1", "10-3"), got("10-3", 2))]).holds


def test_a_line_with_two_ids_at_two_readers_is_different() -> None:
    one = reader(got("10-1", 1), got("10-2", 2), name="one")
    other = reader(got("10-1", 1), got("11-1", 2), name="other")

    assert len(judge(sent(1, 2), [one, other]).different) == 1


def test_an_id_with_two_lines_is_different_though_their_texts_are_equal() -> None:
    one = reader(got("10-1", 1), gap("10-1", "12-0"), name="one")
    other = reader(gap("9-0", "10-1"), got("10-1", 2), gap("10-1", "12-0"), name="other", begin="9-0")

    assert len(judge(sent(1, 2), [one, other]).different) == 1


def test_a_dead_branch_that_its_reader_was_told_of_may_have_ids_of_others() -> None:
    living = reader(got("10-1", 1), gap("10-1", "11-0"), got("11-1", 3), name="living")
    dead = reader(got("10-1", 1), got("11-1", 2), gap("10-1", "20-0", "forked"), name="dead")

    assert not judge(sent(1, 2, 3), [living, dead]).different
    dead.items[-1] = gap("10-1", "20-0", "failover")
    assert len(judge(sent(1, 2, 3), [living, dead]).different) == 1


def test_a_doubtful_line_may_be_missing_or_come_late_and_bounds_no_others() -> None:
    lines = sent(1, 2, 3, 4, doubtful=[2])

    assert judge(lines, [reader(got("10-1", 1), got("10-2", 3), got("10-3", 4))]).holds
    late = judge(lines, [reader(got("10-1", 1), got("10-2", 3), got("10-3", 4), got("12-1", 2))])
    assert late.holds
    assert late.late == 1
    # Number 3 is told by the gap behind 1, though the late 2 would say that it came after the gap.
    after_gap = reader(got("10-1", 1), gap("10-1", "12-0"), got("12-1", 4), got("12-2", 2))
    assert judge(lines, [after_gap]).holds


def test_a_doubtful_line_has_one_id_all_the_same() -> None:
    lines = sent(1, doubtful=[1])

    assert len(judge(lines, [reader(got("10-1", 1)), reader(got("11-1", 1), name="other")]).different) == 1


@pytest.mark.parametrize("text", ["{}", "not JSON", '"text"', '{"publisher": "p", "seq": 9}'])
def test_a_line_that_nobody_sent_is_unknown(text: str) -> None:
    assert len(judge(sent(1), [reader(got("10-1", 1), Got("c", Id(10, 2), text))]).unknown) == 1


def test_a_line_lost_on_the_bus_had_no_id_and_its_neighbours_follow_one_another() -> None:
    low, high = Id(100, 1), Id(100, 2)
    assert Gap("", Id(90, 0), Id(110, 0), "bus").overlaps(low, high)
    assert not Gap("", Id(90, 0), Id(110, 0), "failover").overlaps(low, high)
    assert not Gap("", Id(90, 0), Id(100, 1), "bus").overlaps(low, high)
