"""
When a rule fires: what each condition keeps of the matches of one group, in little memory. Pure: no I/O.

    match(now_ms), once for each matching line --> holds(now_ms)? --> an alert --> fired(now_ms)

Time is that of the log, in ms since the epoch, and never goes back: moments of lines, and fences. So whoever reads the
same lines comes to the same alerts. What a condition keeps can be written down (`dump`) and read again (`load`).
"""

import math
from typing import Protocol

from sse_hub.alerts.rule import DAY_SECONDS, MIN_WINDOWS, AlertRule

# A window is counted in so many parts.
PARTS = 60
# A group that was told to be silent is forgotten after so long.
SILENT_MS = DAY_SECONDS * 1000

DumpedCondition = list[float]


class Condition(Protocol):
    """The condition of a rule for one group."""

    def match(self, now_ms: int) -> None:
        """A line of the group has matched."""

    def holds(self, now_ms: int) -> bool:
        """Whether the rule should fire; while it is paused, this is asked again when the pause is over."""

    def fired(self, now_ms: int) -> None:
        """An alert was made."""

    def count(self) -> int:
        """How many lines an alert is about."""

    def due_ms(self) -> float | None:
        """From when on it may hold without another match; None if it won't."""

    def forget_ms(self) -> float:
        """From when on it knows nothing more than a new one does."""

    def missed(self, after_ms: int, before_ms: int) -> None:
        """Nobody knows what came between these two moments."""

    def dump(self) -> DumpedCondition:
        """What it keeps."""

    def load(self, numbers: DumpedCondition) -> None:
        """Keep what `dump()` of such a condition has returned. Raises ValueError for anything else."""


class EachMatch:
    """Holds for each match; matches during a pause are told together when it is over. Also for new patterns."""

    def __init__(self) -> None:
        self._untold = 0

    def match(self, now_ms: int) -> None:
        self._untold += 1

    def holds(self, now_ms: int) -> bool:
        return self._untold > 0

    def fired(self, now_ms: int) -> None:
        self._untold = 0

    def count(self) -> int:
        return self._untold

    def due_ms(self) -> float | None:
        return 0 if self._untold else None

    def forget_ms(self) -> float:
        return 0

    def missed(self, after_ms: int, before_ms: int) -> None:
        pass

    def dump(self) -> DumpedCondition:
        return [self._untold]

    def load(self, numbers: DumpedCondition) -> None:
        [untold] = numbers
        self._untold = int(untold)


class CountInWindow:
    """
    Holds when there were `need` matches within the last `within_ms`, and begins anew when it has fired.

    Matches are counted in PARTS parts of the window, so it is the window, or shorter by up to one part.
    """

    def __init__(self, need: int, within_ms: int) -> None:
        self._need = need
        self._part_ms = max(1, within_ms // PARTS)
        # Matches by part, oldest first.
        self._parts: dict[int, int] = {}
        self._total = 0

    def match(self, now_ms: int) -> None:
        part = self._drop_old(now_ms)
        self._parts[part] = self._parts.get(part, 0) + 1
        self._total += 1

    def holds(self, now_ms: int) -> bool:
        self._drop_old(now_ms)
        return self._total >= self._need

    def fired(self, now_ms: int) -> None:
        self._parts.clear()
        self._total = 0

    def count(self) -> int:
        return self._total

    def due_ms(self) -> float | None:
        return 0 if self._total >= self._need else None

    def forget_ms(self) -> float:
        return (max(self._parts, default=-PARTS) + PARTS) * self._part_ms

    def missed(self, after_ms: int, before_ms: int) -> None:
        pass

    def dump(self) -> DumpedCondition:
        return [number for pair in self._parts.items() for number in pair]

    def load(self, numbers: DumpedCondition) -> None:
        whole = list(map(int, numbers))
        self._parts = dict(zip(whole[::2], whole[1::2], strict=True))
        self._total = sum(self._parts.values())

    def _drop_old(self, now_ms: int) -> int:
        part = now_ms // self._part_ms
        while self._parts and (oldest := next(iter(self._parts))) <= part - PARTS:
            self._total -= self._parts.pop(oldest)
        return part


class Silence:
    """Holds once when no line has matched for `within_ms`, since `last_ms` at the earliest. `silent` until the next."""

    def __init__(self, within_ms: int, last_ms: int) -> None:
        self.silent = False
        self._within_ms = within_ms
        self._last_ms = last_ms

    def match(self, now_ms: int) -> None:
        self._last_ms = now_ms
        self.silent = False

    def holds(self, now_ms: int) -> bool:
        return not self.silent and now_ms >= self._last_ms + self._within_ms

    def fired(self, now_ms: int) -> None:
        self.silent = True

    def count(self) -> int:
        return 0

    def due_ms(self) -> float | None:
        return None if self.silent else self._last_ms + self._within_ms

    def forget_ms(self) -> float:
        return self._last_ms + self._within_ms + SILENT_MS if self.silent else math.inf

    def missed(self, after_ms: int, before_ms: int) -> None:
        # A service was not silent because nobody listened.
        self._last_ms += max(0, before_ms - max(after_ms, self._last_ms))

    def dump(self) -> DumpedCondition:
        return [self._last_ms, self.silent]

    def load(self, numbers: DumpedCondition) -> None:
        last_ms, silent = numbers
        self._last_ms, self.silent = int(last_ms), bool(silent)


class RateAgainstUsual:
    """
    Holds when a window of `within_ms` has `factor` times as many matches as a usual one, and at least `need`.

    Usual is the mean over the last windows, as many as `usual_ms` has: all of them at first, then a moving mean, which
    is one number. Windows follow one another by the clock. One that was not seen from its beginning to its end
    says nothing about what is usual, and nothing is usual before MIN_WINDOWS.
    """

    def __init__(self, rule: AlertRule) -> None:
        self._need, self._factor = rule.count, rule.factor
        self._within_ms, self._usual_ms = rule.within_ms, rule.usual_ms
        self._most = rule.usual_ms // rule.within_ms
        # The number of the present window, its matches, whether all of it is seen, and whether it was told.
        self._window = 0
        self._matches = 0
        self._whole = False
        self._told = False
        self._mean = 0.0
        self._windows = 0

    def match(self, now_ms: int) -> None:
        self._begin_window(now_ms)
        self._matches += 1

    def holds(self, now_ms: int) -> bool:
        self._begin_window(now_ms)
        return self._is_high()

    def fired(self, now_ms: int) -> None:
        self._told = True

    def count(self) -> int:
        return self._matches

    def due_ms(self) -> float | None:
        return 0 if self._is_high() else None

    def forget_ms(self) -> float:
        return (self._window + 1) * self._within_ms + self._usual_ms

    def missed(self, after_ms: int, before_ms: int) -> None:
        self._begin_window(after_ms)
        self._window = max(self._window, before_ms // self._within_ms)
        self._matches, self._whole, self._told = 0, False, False

    def dump(self) -> DumpedCondition:
        return [self._window, self._matches, self._whole, self._told, self._mean, self._windows]

    def load(self, numbers: DumpedCondition) -> None:
        window, matches, whole, told, mean, windows = numbers
        self._window, self._matches, self._windows = int(window), int(matches), int(windows)
        self._whole, self._told, self._mean = bool(whole), bool(told), float(mean)

    def _is_high(self) -> bool:
        usual = self._factor * self._mean
        return not self._told and self._windows >= MIN_WINDOWS and self._matches >= max(self._need, usual)

    def _begin_window(self, now_ms: int) -> None:
        window = now_ms // self._within_ms
        if window <= self._window:
            return
        if self._whole:
            self._windows += 1
            self._mean += (self._matches - self._mean) / min(self._windows, self._most)
        if self._window:
            self._add_empty(window - self._window - 1)
        # The first window, and one with a gap in it, is seen from its middle on.
        self._whole = self._window > 0
        self._window, self._matches, self._told = window, 0, False

    def _add_empty(self, windows: int) -> None:
        # Those that fill the mean up, and those that move it.
        filling = min(windows, max(0, self._most - self._windows))
        if filling:
            self._mean *= self._windows / (self._windows + filling)
        self._mean *= (1 - 1 / self._most) ** (windows - filling)
        self._windows += windows


def condition_of(rule: AlertRule, begins_ms: int) -> Condition:
    """A new condition of `rule` for one group, of which nothing is known before `begins_ms`."""
    match rule.when:
        case "count":
            return CountInWindow(rule.count, rule.within_ms)
        case "silence":
            return Silence(rule.within_ms, begins_ms)
        case "rate":
            return RateAgainstUsual(rule)
        case _:
            return EachMatch()
