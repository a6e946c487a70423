r"""
A first look at the bytes of a line: a line that lacks what every match contains is refused before anything is parsed.
Pure: no I/O.

    Need(exact=(b"u7",)) --> first_look([need])(FilteredLine(b'{"user": "u8"}')) --> False

A *need* is some texts, one of which every matching line contains. A line may hide a text from this look, behind JSON
escapes or between colours of a terminal; then it passes. What a line may hide is found out once for all filters.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sse_hub.filters.line import FilteredLine

# How many needs are looked at: the longest are the rarest.
MAX_NEEDS = 4
# About one line in twenty is loud, and about as many have a text of so many characters.
TEXTLESS_WEIGHT = 6

FirstLook = Callable[[FilteredLine], bool]


@dataclass(frozen=True, slots=True)
class Need:
    """
    Every match contains one of the texts `exact`, or in any case one of `folded`, which have no capital letters, unless
    one of `hidden` is true of its line. Without texts, one of `hidden` is true of every match. Many lines have a
    `common` one, so it says little.
    """

    exact: tuple[bytes, ...] = ()
    folded: tuple[bytes, ...] = ()
    hidden: tuple[FirstLook, ...] = ()
    common: bool = False

    @property
    def weight(self) -> int:
        """How much it says: the length of the shortest text; without texts, as much as one of TEXTLESS_WEIGHT."""
        return 0 if self.common else min(map(len, (*self.exact, *self.folded)), default=TEXTLESS_WEIGHT)

    def look(self) -> FirstLook:
        """True for a line that may have one of the texts."""
        exact, folded, hidden = self.exact, self.folded, self.hidden
        if len(exact) == 1 and not folded:
            return _look_for_one(exact[0], hidden)

        def look(line: FilteredLine) -> bool:
            payload = line.payload
            for text in exact:
                if payload.find(text) >= 0:
                    return True
            if folded:
                small = line.small
                for text in folded:
                    if small.find(text) >= 0:
                        return True
            return _is_hidden(line, hidden)

        return look


def _look_for_one(text: bytes, hidden: tuple[FirstLook, ...]) -> FirstLook:
    # Faster than `in`, which is ready for more than bytes.
    return lambda line: line.payload.find(text) >= 0 or _is_hidden(line, hidden)


# A loop takes a third of the time of any().
def _is_hidden(line: FilteredLine, hidden: tuple[FirstLook, ...]) -> bool:
    for hides in hidden:  # noqa: SIM110
        if hides(line):
            return True
    return False


def any_need(alternatives: Iterable[Sequence[Need]]) -> list[Need]:
    """What a line needs that matches one of several things, each with its own needs."""
    best = [max(needs, key=lambda need: need.weight, default=None) for needs in alternatives]
    known = [need for need in best if need is not None]
    if not known or len(known) < len(best):
        return []
    return [
        Need(
            exact=tuple(dict.fromkeys(text for need in known for text in need.exact)),
            folded=tuple(dict.fromkeys(text for need in known for text in need.folded)),
            hidden=tuple(dict.fromkeys(hides for need in known for hides in need.hidden)),
            common=any(need.common for need in known),
        )
    ]


def rarest(needs: Sequence[Need]) -> tuple[Need, ...]:
    """Those of `needs` to look for: the rarest, in that order."""
    return tuple(sorted(dict.fromkeys(needs), key=lambda need: need.weight, reverse=True)[:MAX_NEEDS])


def first_look(needs: Sequence[Need]) -> FirstLook:
    """True for a line that may have all `needs`."""
    if not needs:
        return lambda _line: True
    one, *others = [need.look() for need in needs]
    if not others:
        return one
    if len(others) == 1:
        other = others[0]
        return lambda line: one(line) and other(line)
    return lambda line: one(line) and all(look(line) for look in others)
