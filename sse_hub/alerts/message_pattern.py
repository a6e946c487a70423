"""
What messages of one kind have in common, to find a kind that was never seen before. Pure: no I/O.

    "order 17 of 10.0.0.7 took 3.5ms" --> pattern_of() --> "order # of # took #ms"
    KnownPatterns.is_new("order # …", now_ms), for the last patterns of a rule
"""

import re
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b

# What comes after it says little about the kind of message.
MAX_MESSAGE_CHARACTERS = 500
# Each part has a bounded length, so that no message takes long.
CHANGING = r"""
      "[^"\n]{0,300}" | `[^`\n]{0,300}` | (?<!\w)'[^'\n]{0,300}'(?!\w)     # quoted
    | [\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}                       # an address of mail
    | (?<![\w-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-])   # a UUID
    | (?<![\w:])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?![\w:])         # an address of IPv6, or a time
    | (?<!\w)0x[0-9a-fA-F]{1,64}(?!\w)
    | (?<!\w)(?=[a-fA-F]{0,64}[0-9])[0-9a-fA-F]{8,128}(?!\w)                # a hexadecimal id
    | [0-9]+(?:[.,:][0-9]+){0,8}                                            # a number, an address of IPv4, a time
    """
BLANKS = re.compile(r"\s+")
MAX_PATTERNS = 5_000
DAY_MS = 86_400_000
KNOWN_DAYS = 30


def pattern_of(message: str) -> str:
    """`message` without what changes from one to the next: numbers, ids, addresses, quoted texts."""
    return BLANKS.sub(" ", _changing().sub("#", message[:MAX_MESSAGE_CHARACTERS])).strip()


# It takes 20 ms, and most hubs have no rule that needs it.
@cache
def _changing() -> re.Pattern[str]:
    return re.compile(CHANGING, re.VERBOSE)


class KnownPatterns:
    """
    The patterns that a rule has seen within the last KNOWN_DAYS, at most MAX_PATTERNS of them, the last ones.

    A pattern is kept as a key of 16 digits, with the number of its entry and the day, since the epoch, of that.
    """

    def __init__(self) -> None:
        # By key, in the order of their numbers.
        self._seen: dict[str, tuple[int, int]] = {}
        self._next_number = 0
        # What `changes()` has not returned: None for a key that was forgotten.
        self._changes: dict[str, tuple[int, int] | None] = {}

    @property
    def changed(self) -> int:
        """How many changes `changes()` has to return."""
        return len(self._changes)

    def is_new(self, text: str, now_ms: int) -> bool:
        """Whether `text` was not seen before; then it is known from now on."""
        key = blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()
        today = now_ms // DAY_MS
        known = self._seen.get(key)
        if known and known[1] >= today:
            return False
        # Once a day, so that it is written down no more often.
        self._seen.pop(key, None)
        self._keep(key, (self._next_number, today))
        if len(self._seen) > MAX_PATTERNS:
            oldest = next(iter(self._seen))
            del self._seen[oldest]
            self._changes[oldest] = None
        return known is None or today - known[1] > KNOWN_DAYS

    def changes(self) -> dict[str, tuple[int, int] | None]:
        """What has changed since the last call: by key, its number and day, or None if it is forgotten."""
        changes, self._changes = self._changes, {}
        return changes

    def load(self, entries: Mapping[str, tuple[int, int]]) -> None:
        """Know what `changes()` has returned."""
        self._seen = dict(sorted(entries.items(), key=lambda entry: entry[1]))
        self._next_number = max((number for number, _ in self._seen.values()), default=-1) + 1

    def _keep(self, key: str, entry: tuple[int, int]) -> None:
        self._seen[key] = self._changes[key] = entry
        self._next_number += 1
