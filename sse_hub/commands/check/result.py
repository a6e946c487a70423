"""
One thing that was looked at, and what there is to say of it. Pure.

    checks --> Finding(grade, what, detail) --> a line each; the worst decides on the exit status
"""

from enum import StrEnum
from typing import NamedTuple


class CheckStatus(StrEnum):
    """OK as it is; WARNING works, but not always; BAD does not; UNKNOWN could not be looked at."""

    OK = "ok"
    WARNING = "odd"
    FAILED = "BAD"
    UNKNOWN = "?"


class CheckResult(NamedTuple):
    """`what` was looked at; `detail` has the value found, and unless it is good, what to do."""

    status: CheckStatus
    subject: str
    detail: str

    @property
    def line(self) -> str:
        """It as a line of text."""
        return f"{self.status:<4} {self.subject:<18} {self.detail}"


def passed(subject: str, detail: str) -> CheckResult:
    """`what` is as it should be."""
    return CheckResult(CheckStatus.OK, subject, detail)


def warning(subject: str, detail: str) -> CheckResult:
    """`what` works, but not in every case."""
    return CheckResult(CheckStatus.WARNING, subject, detail)


def failed(subject: str, detail: str) -> CheckResult:
    """`what` does not work."""
    return CheckResult(CheckStatus.FAILED, subject, detail)


def unknown(subject: str, detail: str) -> CheckResult:
    """`what` could not be looked at."""
    return CheckResult(CheckStatus.UNKNOWN, subject, detail)
