"""
The result of one check. Pure.

    checks --> CheckResult(status, subject, detail) --> a line each; the worst determines the exit status
"""

from enum import StrEnum
from typing import NamedTuple


class CheckStatus(StrEnum):
    """OK: works. WARNING: works, but not in every case. BAD: does not work. UNKNOWN: could not be checked."""

    OK = "ok"
    WARNING = "warn"
    BAD = "BAD"
    UNKNOWN = "?"


class CheckResult(NamedTuple):
    """`detail` is the value found and, unless it is ok, what to do."""

    status: CheckStatus
    subject: str
    detail: str

    @property
    def line(self) -> str:
        """The result as a line of text."""
        return f"{self.status:<4} {self.subject:<18} {self.detail}"


def passed(subject: str, detail: str) -> CheckResult:
    """`subject` works."""
    return CheckResult(CheckStatus.OK, subject, detail)


def warning(subject: str, detail: str) -> CheckResult:
    """`subject` works, but not in every case."""
    return CheckResult(CheckStatus.WARNING, subject, detail)


def bad(subject: str, detail: str) -> CheckResult:
    """`subject` does not work."""
    return CheckResult(CheckStatus.BAD, subject, detail)


def unknown(subject: str, detail: str) -> CheckResult:
    """`subject` could not be checked."""
    return CheckResult(CheckStatus.UNKNOWN, subject, detail)
