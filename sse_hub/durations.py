"""
Durations as people write them: a number and a unit.

    "90s", "30m", "24h", "7d" --> parse_duration() --> seconds
"""

import re

DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
ERROR = "must be a duration such as 90s, 30m, 24h or 7d"


def parse_duration(text: str, allow_zero: bool = False) -> int:
    """The seconds in `text`: up to nine digits and s, m, h or d. Raises ValueError, also for 0 unless allowed."""
    match = DURATION.fullmatch(text)
    seconds = int(match[1]) * UNIT_SECONDS[match[2]] if match else 0
    if not match or not (seconds or allow_zero):
        raise ValueError(ERROR)
    return seconds
