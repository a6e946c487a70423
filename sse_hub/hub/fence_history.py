"""
The fences that one process has received, or read in the log: which ids are of this branch of the order of lines.
Pure: no I/O.

    begin(F), add(F), … --> FenceHistory --> compare(fences of a server): the same branch, behind, or forked?
    fork(common, F)          └──► rejoin(fence of a client's id): where the client goes on, if it is of a dead branch

When another server takes the place of one that is still running, the old one may go on ordering lines: a dead branch.
Its fences look like any others; only a process that has received every fence of its own branch can tell them apart.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

# So many are kept, in half a megabyte: those of 18 quiet hours, or of 11 minutes with 100 publishing requests a second.
MAX_FENCES = 65_536
# The server keeps the first fence of each period this long.
PERIOD_MS = 100


class Branch(Enum):
    """How the fences of a server compare with those received."""

    SAME = "same"
    """It has the last one received, or may have it."""
    BEHIND = "behind"
    """It lacks the last ones, and has issued no others in their place."""
    FORKED = "forked"
    """It has issued others in place of the last ones, which are of a dead branch."""
    UNKNOWN = "unknown"
    """No fence is known to be common."""


class Comparison(NamedTuple):
    """
    `common` is the newest fence (ms) that is certainly on both sides; 0 where `branch` is UNKNOWN.

    If FORKED before the first fence received, it is a number below that, and no fence.
    """

    branch: Branch
    common: int


class Rejoin(NamedTuple):
    """
    Where a client of a dead branch goes on: at `fence`, after a gap from `common` on.

    `common` is a fence that both branches have, None where none is known.
    """

    common: int | None
    fence: int


class _DeadBranch(NamedTuple):
    """
    The fences received after `common`, before the process came to the branch that begins with `fence`.

    Those right before `starts` were not received.
    """

    common: int
    fence: int
    fences: "array[int]"
    starts: "array[int]"

    def may_have(self, fence: int) -> bool:
        """True if `fence` may be one of it, although it was not received."""
        unheard = not _lacks(self.fences, self.starts, fence) or _has(self.fences, fence - 1)
        return self.common < fence < self.fence and unheard


class FenceHistory:
    """The newest `limit` fences received, and as many of dead branches. All fences are in ms."""

    def __init__(self, limit: int = MAX_FENCES) -> None:
        self._limit = limit
        self._fences = array("q")
        # Those right before these fences were not received. And the first fences that are of another server.
        self._starts = array("q")
        self._switches = array("q")
        self._dead: deque[_DeadBranch] = deque()
        # Received, but lost by the servers: after the first fence of each pair, up to the second.
        self._lost: list[tuple[int, int]] = []

    @property
    def last(self) -> int:
        """The last fence received; 0 before the first."""
        return self._fences[-1] if self._fences else 0

    def __contains__(self, fence: int) -> bool:
        """True for a fence that was received, is not of a dead branch, and is still kept."""
        return _has(self._fences, fence)

    def __len__(self) -> int:
        """The number of fences kept, without those of dead branches."""
        return len(self._fences)

    def newest(self, limit: int) -> list[int]:
        """The last `limit` fences, oldest first."""
        return self._fences[-limit:].tolist() if limit else []

    def add(self, fence: int) -> None:
        """`fence` has come, and no other one since the one before it. One that is not above the last is ignored."""
        if fence <= self.last:
            return
        self._fences.append(fence)
        if len(self._fences) > self._limit + self._limit // 8:
            # Seldom, since it moves all the others.
            del self._fences[: len(self._fences) - self._limit]
            for starts in (self._starts, self._switches):
                del starts[: bisect_left(starts, self._fences[0])]
            self._lost = [each for each in self._lost if each[1] >= self._fences[0]]

    def begin(self, fence: int, switched_since: int | None = None) -> None:
        """
        A session begins with `fence`, or that was read in the log; those before it, since the last, were not received.

        If another server has the keys now, there may be a dead branch since `switched_since`, the last fence received.
        """
        if fence <= self.last:
            return
        self._starts.append(fence)
        self.add(fence)
        if switched_since is not None:
            # Those read in the log since then are of the server that has the log now.
            self._switches.append(self._fences[bisect_right(self._fences, switched_since)])

    def learn(self, fences: Iterable[int]) -> None:
        """Before the first session: `fences`, rising, are of the branch that it comes to, and others may be, too."""
        for fence in fences:
            self.begin(fence)

    def note_lost(self, common: int) -> None:
        """
        The server is BEHIND: it lacks the fences received after `common`, and goes on from there.

        They are of the same branch all the same, and no server will have them when it is compared the next time.
        """
        if common < self.last:
            self._lost.append((common, self.last))

    def fork(self, common: int, fence: int) -> None:
        """All fences received after `common` are of a dead branch. A session on the living one begins with `fence`."""
        at = bisect_right(self._fences, common)
        starts = self._starts[bisect_right(self._starts, common) :]
        self._dead.append(_DeadBranch(common, fence, self._fences[at:], starts))
        del self._fences[at:]
        for starts in (self._starts, self._switches):
            del starts[bisect_right(starts, common) :]
        while len(self._dead) > 1 and sum(len(branch.fences) for branch in self._dead) > self._limit:
            self._dead.popleft()
        self.begin(fence, switched_since=self.last)

    def certainly_lacks(self, fence: int) -> bool:
        """True when no fence `fence` was issued on this branch: the sessions around it received every fence."""
        # `F+1` is a bound that hubs make themselves of a fence F.
        return _lacks(self._fences, self._starts, fence) and fence - 1 not in self

    def rejoin(self, fence: int, issued: bool = True) -> Rejoin | None:
        """
        Where a client goes on whose id has `fence`, if that is certainly of a dead branch; else None.

        With `issued`, the id is one that a hub has sent; without, somebody may have made it up.
        """
        rejoin: Rejoin | None = None
        for branch in self._dead:
            if _has(branch.fences, fence):
                known = branch.common if rejoin is None or rejoin.common is None else min(rejoin.common, branch.common)
                # That fence may itself be of the next dead branch.
                rejoin, fence = Rejoin(known, branch.fence), branch.fence
        if rejoin is None and issued and self.certainly_lacks(fence):
            # Nobody knows which switch of servers left that branch behind. What came before the first is common.
            first = self._switches[0] if self._switches else self.last
            at = bisect_left(self._fences, first)
            shared = self._fences[at - 1] if at and first <= fence else None
            rejoin = Rejoin(shared, self._fences[bisect_right(self._fences, fence)])
        return rejoin

    def doubtful_since(self, fence: int) -> int | None:
        """
        The fence that both branches have, if `fence` may be of a dead one; else None. For one unknown to rejoin().

        Another hub may have sent it when this one had no session, or a replay from the log of that branch.
        """
        commons = [branch.common for branch in self._dead if branch.may_have(fence)]
        return min(commons, default=None)

    def compare(self, server: Sequence[int], moved: bool) -> Comparison:
        """
        Compare what was received with what a server has issued.

        `server` has the newest fences of the server, the first one of each PERIOD_MS (`F // PERIOD_MS`) only. `moved`
        is True if it is known to be another server than the one that issued the last fence.
        """
        last = self.last
        entries = sorted(fence for fence in server if fence <= last)
        diverged = self._divergence(entries) if entries else None
        shared = (fence for fence in entries if fence in self and (diverged is None or fence < diverged))
        common = max(shared, default=0)
        if common and diverged is None:
            return Comparison(Branch.SAME, common)
        if common:
            # On another server, not only those that this process certainly lacks: it may have been without a session
            # when they came. On the same one, its own may lack: a full server keeps none, and publishers of earlier
            # versions issue fences that are kept nowhere.
            later = [fence for fence in entries if fence > common]
            forked = bool(later) if moved else any(_lacks(self._fences, self._starts, fence) for fence in later)
            return Comparison(Branch.FORKED if forked else Branch.BEHIND, common)
        if any(_lacks(self._fences, self._starts, fence) for fence in entries):
            # This process has been on the dead branch since its first fence.
            return Comparison(Branch.FORKED, self._fences[0] - 1)
        return Comparison(Branch.UNKNOWN, 0)

    def _divergence(self, entries: Sequence[int]) -> int | None:
        """
        The first fence that only one side has; None if there is none.

        The first, not the last common one: two branches may issue the same number by chance.
        """
        by_period = {fence // PERIOD_MS: fence for fence in reversed(entries)}
        at = bisect_left(self._fences, entries[0])
        received = (each for each in self._fences[at:] if not any(low < each <= high for low, high in self._lost))
        # A server that has issued a fence has one of the same period that is not above it.
        lost = next((fence for fence in received if by_period.get(fence // PERIOD_MS, fence + 1) > fence), None)
        foreign = next((fence for fence in entries if _lacks(self._fences, self._starts, fence)), None)
        return min((fence for fence in (lost, foreign) if fence is not None), default=None)


def _lacks(fences: "array[int]", starts: "array[int]", fence: int) -> bool:
    """True if `fence` lies between two of `fences` that were received one right after the other."""
    at = bisect_left(fences, fence)
    return 0 < at < len(fences) and fences[at] != fence and not _has(starts, fences[at])


def _has(fences: "array[int]", fence: int) -> bool:
    at = bisect_left(fences, fence)
    return at < len(fences) and fences[at] == fence
