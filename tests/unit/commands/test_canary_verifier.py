"""The counts of the canary's verifier, each for the right lines only."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_hub.commands.canary.lines import MIN_LINE_BYTES, TEXT, CanaryLines
from sse_hub.commands.canary.published import PublishedLines
from sse_hub.commands.canary.verifier import StreamVerifier

F = 1795233018000
LINES = CanaryLines("run", 120)


class Case:
    """A verifier of one reader, for `published` lines in batches of one, line n at second n."""

    def __init__(self, published: int = 0) -> None:
        self.published = PublishedLines()
        self.verifier = StreamVerifier(self.published, LINES)
        self.publish(published)

    def publish(self, count: int) -> None:
        for _ in range(count):
            self.published.add_batch(1, float(self.published.attempted + 1))

    def receive(self, *seqs: int, fence: int = F, offset: int = 0) -> None:
        """Lines with their ids, if `offset` lines of the run came before `fence`."""
        for seq in seqs:
            self.verifier.line(f"{fence}-{seq - offset}", LINES.line(seq), seq + 0.25)

    def gap(self, after: str | None, before: str | None, lost: int | None = None, reason: str = "slow") -> None:
        self.verifier.gap({"channel": "c", "after": after, "before": before, "lost": lost, "reason": reason})

    def found(self, final: bool = True) -> dict[str, int]:
        """The counts that are not 0."""
        return {name: count for name, count in asdict(self.verifier.counts(final)).items() if count}


def test_all_lines_once_and_in_order_pass() -> None:
    case = Case(5)
    case.receive(1, 2, 3, 4, 5)

    assert case.found() == {"received": 5}
    assert case.verifier.complete


def test_a_skipped_line_is_missing_as_soon_as_the_next_one_arrives() -> None:
    case = Case(5)
    case.receive(1, 2, 4)

    assert case.found(final=False) == {"received": 3, "missing": 1, "waiting": 1}


def test_the_last_lines_are_pending_and_missing_only_at_the_end() -> None:
    case = Case(5)
    case.receive(1, 2, 3)

    assert not case.verifier.complete
    assert case.found(final=False) == {"received": 3, "waiting": 2}
    assert case.found() == {"received": 3, "missing": 2}


def test_without_any_received_line_all_are_missing() -> None:
    assert Case(5).found() == {"missing": 5}


def test_a_line_received_again_is_a_duplicate_each_time() -> None:
    case = Case(3)
    case.receive(1, 2, 3, 2, 2)

    assert case.found() == {"received": 3, "duplicated": 2}


def test_a_line_after_a_later_one_is_reordered_and_not_missing() -> None:
    case = Case(4)
    case.receive(1, 3, 4, 2)

    assert case.found() == {"received": 4, "reordered": 1}


def test_a_late_line_is_a_duplicate_the_next_time() -> None:
    case = Case(6)
    case.receive(1, 6, 3, 3)

    assert case.found() == {"received": 3, "reordered": 1, "duplicated": 1, "missing": 3}


def test_a_line_whose_id_does_not_rise_is_reordered() -> None:
    case = Case(2)
    case.verifier.line(f"{F}-2", LINES.line(1), 1)
    case.verifier.line(f"{F}-1", LINES.line(2), 2)

    assert case.found() == {"received": 2, "reordered": 1}


@pytest.mark.parametrize(
    "data",
    [
        LINES.line(1).replace("x", "y"),
        LINES.line(1) + " ",
        json.dumps({"info": LINES.line(1)[:60], "truncated": True, "size": 120}),
        json.dumps({"info": LINES.line(1)}),
    ],
)
def test_a_line_with_another_text_is_altered_and_not_missing(data: str) -> None:
    case = Case(1)
    case.verifier.line(f"{F}-1", data, 1)

    assert case.found() == {"received": 1, "altered": 1}


@pytest.mark.parametrize("data", [LINES.line(2), LINES.line(0), '{"canary": "run", "seq": null}'])
def test_a_line_of_this_run_that_was_never_published_is_altered(data: str) -> None:
    case = Case(1)
    case.receive(1)
    case.verifier.line(f"{F}-2", data, 1)

    assert case.found() == {"received": 1, "altered": 1}


def test_lines_of_other_publishers_are_foreign() -> None:
    case = Case(2)
    case.receive(1)
    case.verifier.line(f"{F}-2", CanaryLines("other", 120).line(7), 1)
    case.verifier.line(f"{F}-3", '{"info": "hello"}', 1)
    case.receive(2, offset=-2)

    assert case.found() == {"received": 2, "foreign": 2}


def test_lines_covered_by_a_gap_count_as_reported() -> None:
    case = Case(10)
    case.receive(1, 2)
    case.gap(f"{F}-2", f"{F + 1000}-0")
    case.receive(7, 8, 9, 10, fence=F + 1000, offset=6)

    assert case.found() == {"received": 6, "told": 4, "gaps": 1}


def test_a_gap_without_a_known_start_covers_everything_before_it() -> None:
    case = Case(3)
    case.gap(None, f"{F}-0")
    case.receive(3, offset=2)

    assert case.found() == {"received": 1, "told": 2, "gaps": 1}


def test_a_gap_without_lost_lines_reports_nothing() -> None:
    case = Case(3)
    case.receive(1, 2)
    case.gap(f"{F}-2", f"{F + 1000}-0")
    case.receive(3, fence=F + 1000, offset=2)

    assert case.found() == {"received": 3, "gaps": 1}


def test_a_line_between_the_end_of_the_gap_and_the_next_received_is_missing() -> None:
    """Its id shows that two lines came after the end of the gap."""
    case = Case(10)
    case.receive(1, 2)
    case.gap(f"{F}-2", f"{F + 1000}-0")
    case.receive(9, 10, fence=F + 1000, offset=6)

    assert case.found() == {"received": 4, "told": 4, "missing": 2, "gaps": 1}


def test_a_line_between_the_last_received_and_the_beginning_of_the_gap_is_missing() -> None:
    case = Case(10)
    case.receive(1, 2)
    case.gap(f"{F}-5", f"{F + 1000}-0")
    case.receive(9, 10, fence=F + 1000, offset=8)

    assert case.found() == {"received": 4, "told": 3, "missing": 3, "gaps": 1}


def test_lost_lines_beyond_the_number_in_the_gap_are_missing() -> None:
    case = Case(10)
    case.receive(1, 2)
    case.gap(f"{F}-2", f"{F + 1000}-0", lost=3)
    case.receive(8, 9, 10, fence=F + 1000, offset=7)

    assert case.found() == {"received": 5, "told": 3, "missing": 2, "gaps": 1}


def test_two_consecutive_gaps_report_the_lines_of_both() -> None:
    case = Case(10)
    case.receive(1)
    case.gap(f"{F}-1", f"{F + 1000}-0", lost=3)
    case.gap(f"{F + 1000}-0", f"{F + 2000}-0", lost=2)
    case.receive(7, 8, 9, 10, fence=F + 2000, offset=6)

    assert case.found() == {"received": 5, "told": 5, "gaps": 2}


def test_a_gap_after_the_next_line_is_too_late() -> None:
    case = Case(4)
    case.receive(1, 3)
    case.gap(f"{F}-1", f"{F}-3")
    case.receive(4)

    assert case.found() == {"received": 3, "missing": 1, "gaps": 1}


def test_a_gap_at_the_end_covers_only_lines_published_before_it_arrived() -> None:
    case = Case(5)
    case.receive(1, 2)
    case.gap(f"{F}-2", f"{F + 1000}-0")
    assert case.verifier.complete

    case.publish(2)

    assert not case.verifier.complete
    assert case.found(final=False) == {"received": 2, "waiting": 5, "gaps": 1}
    assert case.found() == {"received": 2, "told": 3, "missing": 2, "gaps": 1}


def test_a_reported_line_that_arrives_later_counts_as_received() -> None:
    case = Case(4)
    case.receive(1)
    case.gap(f"{F}-1", f"{F}-4")
    case.receive(4, 2)

    assert case.found() == {"received": 3, "told": 1, "reordered": 1, "gaps": 1}


def test_an_unsure_line_may_be_missing() -> None:
    case = Case(6)
    case.published.mark_unsure(range(3, 5))
    case.published.mark_unsure(range(6, 7))
    case.receive(1, 2, 5)

    assert case.verifier.complete
    assert case.found() == {"received": 3}


def test_an_unsure_line_may_arrive_late_but_only_once() -> None:
    case = Case(5)
    case.published.mark_unsure(range(3, 5))
    case.receive(1, 2, 3, 5, 4, 4)

    assert case.found() == {"received": 5, "duplicated": 1}


def test_unsure_lines_in_a_gap_do_not_count_towards_its_number() -> None:
    case = Case(8)
    case.published.mark_unsure(range(3, 5))
    case.receive(1, 2)
    case.gap(f"{F}-2", f"{F + 1000}-0", lost=2)
    case.receive(7, 8, fence=F + 1000, offset=6)

    assert case.found() == {"received": 4, "told": 2, "gaps": 1}


def test_latency_is_from_just_before_the_publish_to_the_first_arrival() -> None:
    case = Case(3)
    case.receive(1, 2, 3)
    case.verifier.line(f"{F}-3", LINES.line(3), 100.0)

    assert case.verifier.latency.count == 3
    assert case.verifier.latency.max_ms == 250.0


@settings(max_examples=300)
@given(st.lists(st.integers(1, 30), max_size=60), st.sets(st.integers(1, 30)))
def test_the_verifiers_counts_add_up_whatever_is_received(received: list[int], unsure: set[int]) -> None:
    """An independent count, straight from the definitions, at any cost in time and memory."""
    case = Case(30)
    for seq in sorted(unsure):
        case.published.mark_unsure(range(seq, seq + 1))
    for seq in received:
        case.verifier.line("", LINES.line(seq), 0)

    tally = case.verifier.counts(final=True)

    assert case.published.unsure == len(unsure)
    assert case.published.last_confirmed() == max(set(range(31)) - unsure)
    assert tally.received == len(set(received))
    assert tally.duplicated == len(received) - len(set(received))
    assert tally.missing == len(set(range(1, 31)) - set(received) - unsure)
    firsts = list(dict.fromkeys(received))
    assert tally.reordered == sum(
        seq < max(firsts[: index + 1]) for index, seq in enumerate(firsts) if seq not in unsure
    )


@pytest.mark.parametrize("size", [MIN_LINE_BYTES, 101, 200, 5000])
@pytest.mark.parametrize("seq", [1, 61, 62, 999_999_999])
def test_a_canary_line_has_its_size_and_number(size: int, seq: int) -> None:
    lines = CanaryLines("0123456789ab", size)
    line = lines.line(seq)

    assert len(line.encode()) == size
    assert json.loads(line)["seq"] == seq == lines.seq_of(line)
    assert TEXT in line
    assert line != lines.line(seq + 1)


def test_a_gap_that_overlaps_lines_reports_those_missing_among_them_and_none_before() -> None:
    case = Case(10)
    case.receive(1, 3)
    case.receive(4, 6, fence=F + 100, offset=3)
    case.receive(7, 9, fence=F + 200, offset=6)
    case.gap(f"{F + 100}-0", f"{F + 300}-0", reason="bus")
    case.receive(10, fence=F + 300, offset=9)

    assert case.found() == {"received": 7, "missing": 1, "told": 2, "gaps": 1}
