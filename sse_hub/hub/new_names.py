"""
How many channels that nobody knew before are taken in a second, and whose. Pure: no I/O, no clock.

    name of a line --> admit(name, now) --> a new channel, or False

Names carry no sender. So those that begin alike, up to the first digit of their first part (`job-` of `job-17.log`),
count as one group: a flood of names is one group, or a few, and leaves room for the names of others.
"""

import re

# Taken at once, in seconds of the long run: a fleet may begin to publish when the hub starts.
BURST_SECONDS = 100
# Groups that are told apart in a second. All others together are one more.
MAX_GROUPS = 1_000
GROUP = re.compile(r"[.:/]*([^.:/0-9]*)")


def group_of(name: str) -> str:
    """The group of channel `name`; '' where it begins with a digit."""
    found = GROUP.match(name)
    return found[1] if found else ""


def may_match(pattern: str, group: str) -> bool:
    """True if `pattern` may match a name of `group`."""
    prefix = pattern.partition("*")[0]
    if prefix == pattern:
        return group_of(pattern) == group
    known = group_of(prefix)
    # With nothing after it, the group of the name may be longer.
    return known == group or (prefix.lstrip(".:/") == known and group.startswith(known))


class NewNames:
    """
    Takes `per_second` new names a second in the long run, and those of BURST_SECONDS at once; 0: all.

    While more are asked for, each group gets its share of a second: as if one group more than in the last second asked.
    """

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        # The last second of it is shared between groups.
        self._burst = float((BURST_SECONDS + 1) * per_second)
        self._tokens = self._burst
        self._filled_at = 0.0
        self._window_until = 0.0
        self._asked: dict[str, int] = {}
        self._share = per_second

    def admit(self, name: str, now: float) -> bool:
        """True when the new channel `name` is taken. `now` is in seconds and never decreases."""
        if not self._per_second:
            return True
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if now >= self._window_until:
            self._share = max(1, self._per_second // (1 + len(self._asked)))
            self._asked.clear()
            self._window_until = now + 1
        group = group_of(name)
        if group not in self._asked and len(self._asked) >= MAX_GROUPS:
            group = "\0"
        taken = self._asked.get(group, 0)
        self._asked[group] = taken
        if self._tokens < 1 or (self._tokens < self._per_second and taken >= self._share):
            return False
        self._tokens -= 1
        self._asked[group] = taken + 1
        return True
