"""
One thing that was looked at, and what there is to say of it. Pure.

    checks --> Finding(grade, what, detail) --> a line each; the worst decides on the exit status
"""

from enum import StrEnum
from typing import NamedTuple


class Grade(StrEnum):
    """GOOD as it is; ODD works, but not always; BAD does not; UNSEEN could not be looked at."""

    GOOD = "ok"
    ODD = "odd"
    BAD = "BAD"
    UNSEEN = "?"


class Finding(NamedTuple):
    """`what` was looked at; `detail` has the value found, and unless it is good, what to do."""

    grade: Grade
    what: str
    detail: str

    @property
    def line(self) -> str:
        """It as a line of text."""
        return f"{self.grade:<4} {self.what:<18} {self.detail}"


def good(what: str, detail: str) -> Finding:
    """`what` is as it should be."""
    return Finding(Grade.GOOD, what, detail)


def odd(what: str, detail: str) -> Finding:
    """`what` works, but not in every case."""
    return Finding(Grade.ODD, what, detail)


def bad(what: str, detail: str) -> Finding:
    """`what` does not work."""
    return Finding(Grade.BAD, what, detail)


def unseen(what: str, detail: str) -> Finding:
    """`what` could not be looked at."""
    return Finding(Grade.UNSEEN, what, detail)
