"""
Whether a version of Redis or Valkey has the known security fixes. Pure.

    "7.2.5" --> judge_version() --> CheckResult
"""

from sse_hub.commands.check.result import CheckResult, bad, passed, warning

MIN_VERSION = (6, 2)
# The patch level of each maintained line that has the fixes of 2026.
# Redis: https://raw.githubusercontent.com/CVEProject/cvelistV5/main/cves/2026/81xxx/CVE-2026-81934.json. These are also
# newer than those for CVE-2026-23479 (8.6.3, 8.4.3, 8.2.6, 7.4.9, 7.2.14) and CVE-2024-31228 (7.2.6, 6.2.16).
# Valkey: https://github.com/valkey-io/valkey/releases/tag/9.1.1 and those of the same day (CVE-2026-56684, -63639).
PATCHED = {
    "Redis": {(6, 2): 24, (7, 2): 16, (7, 4): 11, (8, 2): 9, (8, 4): 6, (8, 6): 6, (8, 8): 2, (8, 10): 1},
    "Valkey": {(7, 2): 14, (8, 0): 10, (8, 1): 9, (9, 0): 5, (9, 1): 1},
}
SUBJECT = "redis version"


def judge_version(name: str, version: str) -> CheckResult:
    """The result for `version` of `name`, which is Redis or Valkey."""
    numbers = [int(part) for part in version.split(".")[:3] if part.isdecimal()]
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    line, lines = (major, minor), PATCHED[name]
    if line < MIN_VERSION:
        return bad(SUBJECT, f"{name} {version} is too old: it must be Redis 6.2 or newer, or Valkey")
    if line > max(lines) or patch >= lines.get(line, patch + 1):
        return passed(SUBJECT, f"{name} {version}")
    newer = min((each for each in lines if each >= line), default=max(lines))
    return warning(
        SUBJECT,
        f"{name} {version} lacks security fixes unless its distributor has added them: "
        f"use {newer[0]}.{newer[1]}.{lines[newer]} or newer",
    )
