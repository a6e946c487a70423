"""
A live view of a hub for the terminal: its channels, busiest first, and how it is.

    /channels, /health/ready, /metrics --> Glance --> lines of text, as many as the terminal has
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx
from prometheus_client.parser import text_string_to_metric_families

ANSWER_SECONDS = 5.0
HEAD_LINES = 5


class Glance(NamedTuple):
    """What a hub said at one moment."""

    state: dict[str, Any]
    channels: list[dict[str, Any]]
    totals: Mapping[str, float]


async def glance(client: httpx.AsyncClient) -> Glance:
    """How the hub is now. Raises httpx.HTTPError; ValueError where it is no hub that answers."""
    state = (await client.get("/health/ready")).json()
    directory = (await client.get("/channels")).raise_for_status().json()
    metrics = await client.get("/metrics")
    totals: dict[str, float] = {}
    # Who may see the channels may not be allowed to see the numbers.
    families = text_string_to_metric_families(metrics.text) if metrics.status_code == 200 else ()
    for sample in (each for family in families for each in family.samples):
        name = f"{sample.name} {sample.labels['stage']}" if "stage" in sample.labels else sample.name
        totals[name] = totals.get(name, 0.0) + sample.value
    return Glance(state, directory["channels"], totals)


def text_of(now: Glance, before: Glance | None, seconds: float, width: int, height: int) -> list[str]:
    """`now` in `height` lines of `width` characters; rates are since `before`, `seconds` ago."""
    state, totals = now.state, now.totals

    def rate(name: str) -> float:
        return (totals.get(name, 0.0) - before.totals.get(name, 0.0)) / seconds if before else 0.0

    recorder = "recording" if state.get("recording") else "NOT RECORDING"
    rows = sorted(now.channels, key=lambda each: (-each["lines_per_second"], -each["lines"], each["name"]))
    lines = [
        f"{'ready' if state.get('ready') else 'NOT READY'}   Redis {state.get('redis', '?')}   {recorder}   "
        f"fence {_seconds(state.get('fence_age_seconds'))} ago   log {_seconds(_lag(totals))} behind",
        f"{totals.get('hub_clients', state.get('subscribers', 0)):.0f} streams   {len(rows)} channels   "
        f"in {rate('hub_lines_total received'):.0f}/s   out {rate('hub_lines_total delivered'):.0f}/s   "
        f"recorded {rate('hub_lines_total recorded'):.0f}/s",
        f"gaps {totals.get('hub_gap_total', 0):.0f}   slow closed {totals.get('hub_slow_closed_total', 0):.0f}   "
        f"Redis errors {totals.get('hub_redis_errors_total', 0):.0f}   "
        f"waiting {totals.get('hub_client_lag_bytes_gsum', 0) / 1e6:.1f} MB   "
        f"rings {totals.get('hub_ring_bytes', 0) / 1e6:.1f} MB",
        "",
        f"{'CHANNEL':<40} {'LINES/S':>10} {'LINES':>12} {'STREAMS':>8}  LAST LINE",
    ]
    lines += [_row(each) for each in rows[: max(0, height - HEAD_LINES)]]
    return [line[:width] for line in lines]


def _row(channel: dict[str, Any]) -> str:
    # What stands in a name could be for the terminal, should the hub not be one.
    name = "".join(each if each.isprintable() else "?" for each in str(channel["name"]))
    last = str(channel["last_line"] or "-")[:24]
    return (
        f"{name:<40} {channel['lines_per_second']:>10.1f} {channel['lines']:>12} {channel['subscribers']:>8}  "
        f"{''.join(each if each.isprintable() else '?' for each in last)}"
    )


def _lag(totals: Mapping[str, float]) -> float | None:
    return totals.get("hub_recorder_lag_seconds")


def _seconds(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:.1f} s"
