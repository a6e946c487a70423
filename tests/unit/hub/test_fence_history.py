"""What the fences received say about ids of other branches, and about a server that another one has replaced."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.hub.fence_history import PERIOD_MS, Branch, Comparison, FenceHistory, Rejoin


def received(*fences: int) -> FenceHistory:
    """The history of one session."""
    history = FenceHistory()
    history.begin(fences[0])
    for fence in fences[1:]:
        history.add(fence)
    return history


def on_server(fences: list[int]) -> list[int]:
    """What a server keeps that has issued `fences`: the first one of each period."""
    return [
        fence for before, fence in zip([-PERIOD_MS, *fences], fences, strict=False) if before // 100 != fence // 100
    ]


def test_it_knows_the_fences_received_and_the_last_one() -> None:
    history = received(1_000, 2_000, 3_000)
    history.add(2_500)

    assert (history.last, len(history), history.newest(2), history.newest(0)) == (3_000, 3, [2_000, 3_000], [])
    assert [fence in history for fence in (1_000, 2_500, 3_000, 4_000)] == [True, False, True, False]
    assert FenceHistory().last == 0


def test_within_a_session_it_certainly_lacks_what_it_has_not_received() -> None:
    history = received(1_000, 2_000)
    history.begin(5_000)
    history.add(6_000)

    lacked = [fence for fence in (900, 1_000, 1_500, 2_500, 4_999, 5_500, 7_000) if history.certainly_lacks(fence)]

    assert lacked == [1_500, 5_500], "before the first, between sessions, and after the last, nobody knows"


def test_a_bound_that_a_hub_makes_of_a_fence_is_no_id_of_another_branch() -> None:
    assert not received(1_000, 2_000).certainly_lacks(1_001)


def test_fences_that_a_server_has_lost_are_no_dead_branch_at_the_next_failover() -> None:
    history = received(1_000, 2_000, 3_000)
    assert history.compare([1_000, 2_000], moved=True) == Comparison(Branch.BEHIND, 2_000)
    history.note_lost(2_000)
    history.begin(4_000, switched_since=3_000)
    history.add(5_000)

    # The third server has got all from the second.
    assert history.compare([1_000, 2_000, 4_000, 5_000], moved=True) == Comparison(Branch.SAME, 5_000)
    assert history.compare([1_000, 2_000, 4_000], moved=True) == Comparison(Branch.BEHIND, 4_000)
    assert history.compare([1_000, 2_000, 3_500, 5_000], moved=True) == Comparison(Branch.FORKED, 2_000)


def test_it_keeps_a_bounded_number_of_fences() -> None:
    history = FenceHistory(limit=80)
    for n in range(1, 1_001):
        (history.begin if n % 10 == 1 else history.add)(n * 1_000)

    assert 80 <= len(history) <= 90
    assert not history.certainly_lacks(1_500), "it was forgotten"
    assert history.certainly_lacks(999_500)
    assert not history.certainly_lacks(990_500), "between two sessions"


def test_a_client_of_the_branch_that_this_process_has_left_goes_on_where_the_living_one_begins() -> None:
    history = received(1_000, 2_000, 3_000, 4_000)
    history.fork(2_000, 9_000)

    assert [history.rejoin(fence) for fence in (3_000, 4_000)] == [Rejoin(2_000, 9_000)] * 2
    assert [history.rejoin(fence) for fence in (1_000, 2_000, 5_000, 9_000)] == [None] * 4
    assert (history.last, 3_000 in history) == (9_000, False)


def test_an_id_that_nobody_here_has_heard_of_may_be_of_the_dead_branch() -> None:
    history = received(1_000, 2_000, 3_000)
    history.begin(5_000)
    history.add(6_000)
    history.fork(1_000, 9_000)

    doubtful = [
        fence for fence in (900, 1_000, 2_500, 4_000, 5_500, 6_001, 8_999, 9_000) if history.doubtful_since(fence)
    ]

    assert doubtful == [4_000, 6_001, 8_999], "this process was not there, or had left"
    history.fork(500, 12_000)
    assert [history.doubtful_since(fence) for fence in (900, 4_000, 11_000)] == [500, 500, 500]


def test_a_client_of_a_dead_branch_may_have_missed_a_second_fork() -> None:
    history = received(1_000, 2_000, 3_000)
    history.fork(2_000, 5_000)
    history.add(6_000)
    history.fork(1_000, 8_000)

    assert history.rejoin(3_000) == Rejoin(1_000, 8_000)
    assert history.rejoin(6_000) == Rejoin(1_000, 8_000)


def test_forks_one_after_the_other_are_told_from_the_first_one_on() -> None:
    history = received(1_000, 2_000)
    history.fork(1_000, 5_000)
    history.add(6_000)
    history.fork(5_000, 8_000)

    assert history.rejoin(2_000) == Rejoin(1_000, 5_000), "the branch that it came to was not left before 5,000"
    assert history.rejoin(6_000) == Rejoin(5_000, 8_000)


def test_of_dead_branches_it_keeps_a_bounded_number_of_fences_too() -> None:
    history = FenceHistory(limit=10)
    for n in range(5):
        for fence in range(n * 100 + 1, n * 100 + 9):
            (history.begin if fence % 100 == 1 else history.add)(fence * 1_000)
        history.fork((n * 100 + 1) * 1_000, (n * 100 + 50) * 1_000)

    assert history.rejoin(405_000) == Rejoin(401_000, 450_000)
    assert history.rejoin(5_000) is None


def test_a_client_of_a_dead_branch_that_others_were_on_goes_on_at_the_next_fence() -> None:
    history = received(1_000, 2_000)
    history.begin(5_000, switched_since=2_000)
    history.add(6_000)
    history.begin(8_000)
    history.add(9_000)

    assert history.rejoin(5_500) == Rejoin(2_000, 6_000)
    assert history.rejoin(8_500) == Rejoin(2_000, 9_000), "it has been at that server since 5,000"
    assert history.rejoin(8_500, issued=False) is None, "a time that somebody has typed"
    assert history.rejoin(7_000) is None, "it was issued between two sessions, perhaps"


def test_fences_read_in_the_log_of_the_next_server_are_not_common() -> None:
    history = received(1_000, 2_000)
    history.begin(4_000)
    history.begin(5_000, switched_since=2_000)
    history.add(6_000)

    assert history.rejoin(5_500) == Rejoin(2_000, 6_000)
    assert history.rejoin(3_000) is None


def test_without_a_switch_nobody_knows_what_is_common() -> None:
    assert received(1_000, 2_000, 3_000).rejoin(2_500) == Rejoin(None, 3_000)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ([1_000, 2_000, 3_000], Comparison(Branch.SAME, 3_000)),
        ([1_000, 2_000, 3_000, 4_000, 5_000], Comparison(Branch.SAME, 3_000)),
        ([1_000, 2_000], Comparison(Branch.BEHIND, 2_000)),
        ([1_000, 2_000, 4_000], Comparison(Branch.BEHIND, 2_000)),
        ([1_000, 2_000, 2_500, 4_000], Comparison(Branch.FORKED, 2_000)),
        ([1_000, 1_700, 3_000], Comparison(Branch.FORKED, 1_000)),
        ([500, 900], Comparison(Branch.UNKNOWN, 0)),
        ([4_000, 5_000], Comparison(Branch.UNKNOWN, 0)),
        ([], Comparison(Branch.UNKNOWN, 0)),
        ([500, 1_500, 2_500], Comparison(Branch.FORKED, 999)),
    ],
    ids=[
        "same", "went-on", "lags", "lags-and-went-on", "forked", "same-number-by-chance", "older", "restarted-empty",
        "empty", "on-the-dead-branch-from-the-first-fence-on",
    ],
)  # fmt: skip
def test_a_server_has_the_last_fence_or_lags_or_is_another_branch(server: list[int], expected: Comparison) -> None:
    assert received(1_000, 2_000, 3_000).compare(server, moved=True) == expected


def test_the_same_server_is_another_branch_only_if_it_has_what_was_certainly_not_received() -> None:
    assert received(1_000, 2_000, 3_000).compare([1_000, 2_500], moved=False) == Comparison(Branch.FORKED, 1_000)
    history = received(1_000, 2_000)
    history.begin(5_000)
    assert history.compare([1_000, 4_000], moved=False) == Comparison(Branch.BEHIND, 1_000)
    assert history.compare([1_000, 4_000], moved=True) == Comparison(Branch.FORKED, 1_000)


def test_a_fence_that_is_not_the_first_of_its_period_may_be_on_the_server() -> None:
    assert received(1_000, 2_000, 2_030).compare([1_000, 2_000], moved=True) == Comparison(Branch.SAME, 2_000)
    assert received(2_030, 3_000).compare([2_000, 3_000, 3_500], moved=True) == Comparison(Branch.SAME, 3_000)


def test_what_a_server_issued_between_two_sessions_is_no_fork() -> None:
    history = received(1_000, 2_000)
    history.begin(5_000)

    assert history.compare([1_000, 2_000, 3_000, 4_000, 5_000], moved=True) == Comparison(Branch.SAME, 5_000)
    assert history.compare([1_000, 2_000, 3_000, 4_000], moved=True) == Comparison(Branch.FORKED, 2_000), (
        "it may be one"
    )


def test_a_process_that_has_begun_on_a_dead_branch_knows_from_that_server_what_is_common() -> None:
    history = FenceHistory()
    history.learn([1_000, 2_000, 2_500])
    history.begin(3_000)
    history.add(4_000)

    assert history.compare([1_000, 2_000, 2_300], moved=True) == Comparison(Branch.FORKED, 2_000)
    assert not history.certainly_lacks(2_200), "the server had others, perhaps"
    history.fork(2_000, 9_000)
    assert history.rejoin(2_500) == Rejoin(2_000, 9_000)


def test_an_empty_history_knows_nothing() -> None:
    assert FenceHistory().compare([1_000], moved=True) == Comparison(Branch.UNKNOWN, 0)


@dataclass(frozen=True)
class Split:
    """
    Fences that a process has received, by session, and those that a server has issued, which took over at some point.

    `shared` are those before that point, `dead` what the process received after it, `living` what the server issued.
    """

    shared: list[int]
    sessions: list[list[int]]
    dead: list[int]
    living: list[int]

    @property
    def history(self) -> FenceHistory:
        history = FenceHistory()
        for session in self.sessions:
            history.begin(session[0])
            for fence in session[1:]:
                history.add(fence)
        return history

    @property
    def server(self) -> list[int]:
        return on_server([*self.shared, *self.living])


@st.composite
def splits(draw: st.DrawFn, cuts: bool = True) -> Split:
    def rising(start: int, least: int, most: int) -> list[int]:
        steps = draw(st.lists(st.sampled_from([1, 7, 40, 99, 100, 350, 1_000, 1_250]), min_size=least, max_size=most))
        fences = []
        for step in steps:
            start += step
            fences.append(start)
        return fences

    shared = rising(1_000_000, 1, 25)
    dead = rising(shared[-1], 0, 10)
    living = [fence for fence in rising(shared[-1] + draw(st.integers(1, 4_000)), 0, 10) if fence not in dead]
    joined = draw(st.integers(0, len(shared) - 1))
    order = [*shared[joined:], *dead]
    sessions = [order]
    if cuts and len(order) > 3:
        begin = draw(st.integers(1, len(order) - 2))
        end = draw(st.integers(begin, len(order) - 1))
        sessions = [order[:begin], order[end:]]
    return Split(shared, sessions, dead, living)


@given(splits())
def test_whatever_is_received_up_to_the_common_fence_is_shared(split: Split) -> None:
    history = split.history
    branch, common = history.compare(split.server, moved=True)

    assert (common == 0) == (branch is Branch.UNKNOWN)
    assert common <= split.shared[-1]
    if branch in (Branch.SAME, Branch.BEHIND):
        assert common in history
    if not any(fence in split.dead for session in split.sessions for fence in session):
        assert branch is not Branch.BEHIND
        assert branch is not Branch.FORKED


@given(splits(cuts=False))
def test_within_one_session_a_fork_is_told_from_a_lag(split: Split) -> None:
    history = split.history
    branch, common = history.compare(split.server, moved=True)

    others = [fence for fence in split.server if fence in split.living and fence <= history.last]
    if others and split.dead:
        assert branch is Branch.FORKED
        known = [fence for fence in on_server(split.shared) if fence in history]
        assert common == (known[-1] if known else history.newest(1_000)[0] - 1)
    else:
        assert branch is not Branch.FORKED


@given(splits(), st.data())
def test_no_fence_of_the_own_branch_is_taken_for_one_of_another(split: Split, data: st.DataObject) -> None:
    history = split.history
    order = [*split.shared, *split.dead]

    assert not any(history.certainly_lacks(fence) for fence in order)
    for session in split.sessions:
        if len(session) > 1:
            fence = data.draw(st.integers(session[0], session[-1]))
            issued = fence in session or fence - 1 in session
            assert history.certainly_lacks(fence) is not issued
