"""`sse-hub check` on versions of Redis and Valkey: too old, without security fixes, or in order."""

import pytest

from sse_hub.commands.check.result import CheckStatus
from sse_hub.commands.check.server_version import judge_version

OK, WARNING, BAD = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.BAD


@pytest.mark.parametrize(
    ("name", "version", "status", "advice"),
    [
        ("Redis", "5.0.14", BAD, "6.2 or newer"),
        ("Redis", "6.0.16", BAD, "6.2 or newer"),
        ("Redis", "6.2.15", WARNING, "6.2.24"),
        ("Redis", "6.2.24", OK, ""),
        # Its line ended before the fixes; Debian adds them to this version.
        ("Redis", "7.0.15", WARNING, "7.2.16"),
        ("Redis", "7.2.5", WARNING, "7.2.16"),
        ("Redis", "7.2.16", OK, ""),
        ("Redis", "7.4.11", OK, ""),
        ("Redis", "8.0.6", WARNING, "8.2.9"),
        ("Redis", "8.6.2", WARNING, "8.6.6"),
        ("Redis", "8.6.6", OK, ""),
        ("Redis", "8.10.1", OK, ""),
        ("Redis", "8.12.0", OK, ""),
        ("Redis", "9.0.0", OK, ""),
        ("Redis", "255.255.255", OK, ""),
        ("Valkey", "7.2.13", WARNING, "7.2.14"),
        ("Valkey", "8.1.9", OK, ""),
        ("Valkey", "9.1.0", WARNING, "9.1.1"),
        ("Valkey", "9.1.2", OK, ""),
        ("Valkey", "10.0.0", OK, ""),
        ("Redis", "7.2", WARNING, "7.2.16"),
        ("Redis", "8.6.6-rc1", WARNING, "8.6.6"),
        ("Redis", "unknown", BAD, "6.2 or newer"),
    ],
)
def test_the_check_asks_for_the_patch_level_that_has_the_security_fixes(
    name: str, version: str, status: CheckStatus, advice: str
) -> None:
    """Dependencies: CVE-2026-23479, CVE-2026-81934, CVE-2026-56684, CVE-2024-31228."""
    found = judge_version(name, version)

    assert found.status is status
    assert advice in found.detail
