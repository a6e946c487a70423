"""What a round of recording appends, and how it goes on after scripts that did less than all of it."""

from sse_hub.history.append_batch import SCRIPT_LINES
from sse_hub.history.append_round import AppendRound
from tests.support.in_memory import new_hub, publish


def test_a_first_round_starts_at_the_watermark_and_has_the_gap_before_the_first_fence() -> None:
    hub, _ = new_hub()
    publish(hub, "log", "1", "2")
    hub.ingest.fence_received(20)
    publish(hub, "log", "3")

    inside, before = (AppendRound.after(watermark, hub.ingest, "trimmed") for watermark in (20, 5))

    assert (inside.log_gaps, inside.fence, inside.complete_since) == ([], 20, 10)
    assert before.log_gaps == [(5, 10, "recorder-down")]
    assert [(batch.lines, batch.args[:3]) for batch in before.next_batches()] == [(3, [10, 1, 2])]
    log = hub.ingest.registry["log"]
    log.recorded_to = log.ring.index_after(log.ring.last)
    assert [batch.lines for batch in before.next_batches()] == [0]


def test_a_cut_session_is_a_gap_of_the_log_and_ends_the_round() -> None:
    hub, _ = new_hub()
    first = AppendRound.after(10, hub.ingest, "trimmed")
    hub.ingest.session_lost()
    hub.ingest.session_started(30)

    assert first.complete_since != hub.ingest.complete_since
    assert AppendRound.after(10, hub.ingest, "trimmed").log_gaps == [(10, 30, "recorder-down")]


def test_a_channel_that_is_new_after_a_cut_lacks_only_what_the_gap_of_the_cut_tells() -> None:
    hub, _ = new_hub()
    publish(hub, "old", "1")
    hub.ingest.session_lost()
    hub.ingest.session_started(30)
    publish(hub, "new", "2")

    append_round = AppendRound.after(20, hub.ingest, "log-lost")

    assert append_round.log_gaps == [(20, 30, "recorder-down")]
    assert append_round.channel_gaps == {}


def test_a_round_is_finished_when_each_channel_has_been_appended_up_to_its_end() -> None:
    hub, _ = new_hub()
    append_round = AppendRound.after(10, hub.ingest, "trimmed")
    publish(hub, "long", *["x"] * (SCRIPT_LINES + 1))
    publish(hub, "short", "x")
    append_round.extend(hub.ingest.memory.take_unrecorded(), 20)

    counts = []
    while not append_round.finished:
        batches = append_round.next_batches()
        counts.append(([batch.lines for batch in batches], append_round.is_last(batches)))
        append_round.mark_appended(batches)

    assert counts == [([SCRIPT_LINES], False), ([1, 1], True)]
    assert append_round.fence == 20


def test_a_stream_that_vanished_gets_all_that_its_ring_still_has_after_a_gap() -> None:
    hub, _ = new_hub()
    publish(hub, "log", "1", "2", "3")
    append_round = AppendRound.after(10, hub.ingest, "trimmed")
    append_round.mark_appended(append_round.next_batches())
    publish(hub, "log", "4")
    [log] = hub.ingest.memory.take_unrecorded()
    append_round.extend([log], 20)
    assert [batch.lines for batch in append_round.next_batches()] == [1]

    append_round.restart(log)

    [batch] = append_round.next_batches()
    assert (batch.lines, batch.args[:4]) == (4, [10, 0, 0, "log-lost -"])
    append_round.mark_appended([batch])
    assert (append_round.finished, append_round.channel_gaps) == (True, {})


def test_missing_lines_that_a_recorder_notices_are_appended_once_and_do_not_end_the_round() -> None:
    hub, _ = new_hub()
    append_round = AppendRound.after(10, hub.ingest, "trimmed")
    hub.ingest.fence_received(20)
    hub.ingest.lines_missing(10, "bus")

    append_round.extend([], 20, hub.ingest.gaps)
    assert append_round.log_gaps == [(10, 20, "bus")]
    append_round.extend([], 20, hub.ingest.gaps)
    assert append_round.log_gaps == [(10, 20, "bus")]
    append_round.mark_appended([])
    append_round.extend([], 20, hub.ingest.gaps)
    assert append_round.log_gaps == []
    assert append_round.complete_since == hub.ingest.complete_since


def test_a_recorder_that_takes_over_appends_missing_lines_that_the_one_before_may_not_have_noticed() -> None:
    hub, _ = new_hub()
    for fence in (1_000, 20_000, 30_000):
        hub.ingest.fence_received(fence)
        hub.ingest.lines_missing(fence - 500, "bus")

    taken_over = AppendRound.after(20_000, hub.ingest, "trimmed")
    taken_over.extend([], 30_000, hub.ingest.gaps)

    assert taken_over.log_gaps == [(19_500, 20_000, "bus"), (29_500, 30_000, "bus")]
    assert AppendRound.after(29_700, hub.ingest, "trimmed").log_gaps == [(29_500, 30_000, "bus")], "not cut"


def test_a_hub_that_comes_from_a_dead_branch_appends_nothing_of_it() -> None:
    hub, _ = new_hub()
    publish(hub, "log", "1")
    hub.ingest.fence_received(20)
    publish(hub, "log", "2")
    hub.ingest.session_lost()
    hub.ingest.session_forked(10, 100)
    publish(hub, "log", "3")

    behind = AppendRound.after(50, hub.ingest, "trimmed")
    level = AppendRound.after(100, hub.ingest, "trimmed")

    assert (behind.log_gaps, level.log_gaps) == ([(50, 100, "forked")], [])
    [batch] = level.next_batches()
    assert (batch.lines, batch.args[:3]) == (1, [100, 1, 1])
