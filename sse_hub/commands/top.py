"""
`sse-hub top`: a live view of a hub for the terminal: its channels, busiest first, and how it is.

    /channels, /health/ready, /metrics --> HubStatus --> lines of text, as many as the terminal has
"""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import click
import httpx
from prometheus_client.parser import text_string_to_metric_families

from sse_hub.commands.hub_client import hub_client, hub_error_text
from sse_hub.commands.options import LOCAL_HUB, bearer_headers, token_option

CLEAR = "\x1b[H\x1b[J"
HEAD_LINES = 5
# All columns fit into 80 characters, as many as a terminal has, and a pipe counts as.
NAME_WIDTH = 38
UNKNOWN = "?"
# What each worker has of all there is: added up it would be as many times as much.
SHARED = ("sse_hub_lines_total received", "sse_hub_recorder_lag_seconds")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", default=LOCAL_HUB, show_default=True, help="URL of the hub.")
@click.option("--every", default=1.0, show_default=True, type=click.FloatRange(0.2), help="Seconds between updates.")
@click.option("--once", is_flag=True, help="Print once and exit.")
@token_option
def top(url: str, every: float, once: bool, token: str | None) -> None:
    """Show a hub's channels, rates, streams and lag, live. Ctrl-C stops it."""

    async def watch() -> None:
        before: HubStatus | None = None
        async with hub_client([url], base_url=url, headers=bearer_headers(token), timeout=5.0) as client:
            while True:
                now = await fetch_status(client)
                if once and before is None:
                    # A rate is the difference between two samples.
                    before = now
                    await asyncio.sleep(every)
                    continue
                width, height = shutil.get_terminal_size()
                lines = render(now, before, every, width, height - 1 if not once else 10_000)
                click.echo(("" if once else CLEAR) + "\n".join(lines))
                if once:
                    return
                before = now
                await asyncio.sleep(every)

    try:
        asyncio.run(watch())
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise click.ClickException(f"Can't read from {url}: {hub_error_text(error)}") from None
    except KeyboardInterrupt:
        pass


class HubStatus(NamedTuple):
    """The state of a hub `at` one moment, in seconds since the epoch, as far as the token may see it."""

    at: float
    readiness: Mapping[str, Any]
    channels: Mapping[str, Any]
    totals: Mapping[str, float]


async def fetch_status(client: httpx.AsyncClient) -> HubStatus:
    """The hub's current status. Raises httpx.HTTPError, and ValueError if the answer is not a hub's."""
    readiness = (await client.get("/health/ready")).json()
    channels = (await client.get("/channels")).raise_for_status().json()
    metrics = await client.get("/metrics")
    # A token may permit the channels, but not the metrics.
    return HubStatus(time.time(), readiness, channels, totals_of(metrics.text) if metrics.status_code == 200 else {})


def totals_of(metrics: str) -> Mapping[str, float]:
    """What all workers have together, by name, and for lines by stage, of what `/metrics` says."""
    by_worker: Counter[tuple[str, str]] = Counter()
    for sample in (each for family in text_string_to_metric_families(metrics) for each in family.samples):
        name = f"{sample.name} {sample.labels['stage']}" if "stage" in sample.labels else sample.name
        by_worker[name, sample.labels.get("worker", "")] += sample.value  # type: ignore[assignment]  # fractions, too
    totals: dict[str, float] = {}
    for (name, _), value in by_worker.items():
        totals[name] = max(totals.get(name, 0.0), value) if name in SHARED else totals.get(name, 0.0) + value
    return totals


def render(now: HubStatus, before: HubStatus | None, seconds: float, width: int, height: int) -> list[str]:
    """`now` in up to `height` lines of up to `width` characters; rates are since `before`, `seconds` ago."""
    readiness, channels, totals = now.readiness, now.channels, now.totals

    def rate(stage: str) -> str:
        name = f"sse_hub_lines_total {stage}"
        if not (before and before.totals and totals):
            return UNKNOWN
        # A worker that has been replaced counts from 0.
        return f"{max(0.0, totals.get(name, 0.0) - before.totals.get(name, 0.0)) / seconds:.0f}/s"

    def total(name: str) -> str:
        return f"{totals.get(name, 0.0):.0f}" if totals else UNKNOWN

    def megabytes(name: str) -> str:
        return f"{totals.get(name, 0.0) / 1e6:.1f} MB" if totals else UNKNOWN

    rows = sorted(channels["channels"], key=lambda each: (-each["lines_per_second"], -each["lines"], each["name"]))
    lines = [
        f"{'ready' if readiness.get('ready') else 'NOT READY'}   "
        f"Redis {'connected' if channels['ready'] else 'away'}   "
        f"{'recording' if channels['recording'] else 'NOT RECORDING'}   "
        f"fence {_seconds(readiness.get('fence_age_seconds'))} ago   "
        f"log {_seconds(totals.get('sse_hub_recorder_lag_seconds'))} behind",
        f"{total('sse_hub_clients')} streams   {len(rows)} channels   "
        f"in {rate('received')}   out {rate('delivered')}   recorded {rate('recorded')}",
        f"gaps {total('sse_hub_gap_total')}   slow closed {total('sse_hub_slow_closed_total')}   "
        f"Redis errors {total('sse_hub_redis_errors_total')}   "
        f"waiting {megabytes('sse_hub_client_lag_bytes_gsum')}   rings {megabytes('sse_hub_ring_bytes')}",
        "" if totals else f"{UNKNOWN} is for a token that may operate",
        f"{'CHANNEL':<{NAME_WIDTH}} {'LINES/S':>9} {'LINES':>11} {'STREAMS':>7} {'LAST LINE':>10}",
    ]
    lines += [_row(each, now.at) for each in rows[: max(0, height - HEAD_LINES)]]
    return [line[:width] for line in lines]


def _row(channel: dict[str, Any], at: float) -> str:
    # A name could contain control characters, if this is not a hub.
    name = "".join(each if each.isprintable() else "?" for each in str(channel["name"]))
    name = name if len(name) <= NAME_WIDTH else name[: NAME_WIDTH - 1] + "…"
    last = channel["last_line"]
    age = "-" if last is None else _age(at - datetime.fromisoformat(str(last)).timestamp())
    return (
        f"{name:<{NAME_WIDTH}} {channel['lines_per_second']:>9.1f} {channel['lines']:>11} "
        f"{channel['subscribers']:>7} {age:>10}"
    )


def _age(seconds: float) -> str:
    """How long ago something was, in the largest unit of which it is at least 1. 0 if the clocks differ."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _seconds(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"{seconds:.1f} s"
