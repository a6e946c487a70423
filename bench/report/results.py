"""
Measurements, the results of a run, and their medians.

    Measurement of each run --> Results (saved as JSON) --> summarize() --> Row of a table
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Measurement:
    """
    One run of a scenario against a server.

    `expected` is the number of deliveries there should have been, `delivered` the number of distinct ones there were.
    CPU is that of all the server's processes; Redis's is separate, in `redis_cpu_seconds`. Memory is in bytes: before
    the first client, with all clients connected, and at its peak. `extra` holds what only this kind of scenario has.
    """

    scenario: str
    server: str
    clients: int = 0
    expected: int = 0
    delivered: int = 0
    published: int = 0
    seconds: float = 0.0
    duplicates: int = 0
    reordered: int = 0
    gaps: int = 0
    disconnects: int = 0
    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    cpu_seconds: float = 0.0
    redis_cpu_seconds: float = 0.0
    load_cpu_seconds: float = 0.0
    rss_before: int = 0
    rss_ready: int = 0
    rss_peak: int = 0
    lines_per_chunk: float = 0.0
    extra: dict[str, float] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    error: str = ""

    @property
    def share(self) -> float:
        """Delivered share of the expected deliveries, 0 to 1."""
        return self.delivered / self.expected if self.expected else 0.0

    @property
    def per_second(self) -> float:
        """Deliveries per second, between the first and the last."""
        return self.delivered / self.seconds if self.seconds else 0.0

    @property
    def cpu_us(self) -> float:
        """Microseconds of the server's CPU per delivery."""
        return self.cpu_seconds * 1e6 / self.delivered if self.delivered else 0.0

    @property
    def bytes_per_client(self) -> float:
        """Server memory per idle client."""
        return (self.rss_ready - self.rss_before) / self.clients if self.clients else 0.0


class Results:
    """The results of a run so far; saved after each measurement, so that an interrupted run isn't wasted."""

    def __init__(self, facts: Sequence[tuple[str, str]], servers: Sequence[tuple[str, str, str]]) -> None:
        self.facts = list(facts)
        # (key, title, versions) of each server
        self.servers = list(servers)
        self.runs: list[Measurement] = []

    @property
    def titles(self) -> dict[str, str]:
        return {key: title for key, title, _ in self.servers}

    def save(self, path: Path) -> None:
        content = {"facts": self.facts, "servers": self.servers, "runs": [asdict(run) for run in self.runs]}
        path.write_text(json.dumps(content, indent=1))

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Read the file that save() wrote."""
        content: dict[str, Any] = json.loads(path.read_text())
        results = cls([(a, b) for a, b in content["facts"]], [(a, b, c) for a, b, c in content["servers"]])
        results.runs = [Measurement(**{**run, "commands": tuple(run["commands"])}) for run in content["runs"]]
        return results


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the runs of a scenario against a server. `error` lists why runs are missing."""

    scenario: str
    server: str
    runs: int
    share: float = 0.0
    per_second: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    cpu_us: float = 0.0
    cpu_share: float = 0.0
    redis_cpu_us: float = 0.0
    kb_per_client: float = 0.0
    rss_peak_mb: float = 0.0
    faults: int = 0
    lines_per_chunk: float = 0.0
    extra: dict[str, float] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    error: str = ""


def summarize_group(runs: Sequence[Measurement]) -> Row:
    """Return the medians of `runs`, at least one, all of one scenario and server. Failed runs are left out."""
    good = [run for run in runs if not run.error]
    errors = "; ".join(sorted({run.error for run in runs if run.error}))
    if not good:
        return Row(runs[0].scenario, runs[0].server, 0, error=errors)

    def median_of(figure: Callable[[Measurement], float]) -> float:
        return float(median(figure(run) for run in good))

    return Row(
        runs[0].scenario,
        runs[0].server,
        len(good),
        share=median_of(lambda run: run.share),
        per_second=median_of(lambda run: run.per_second),
        p50_ms=median_of(lambda run: run.p50_ms),
        p99_ms=median_of(lambda run: run.p99_ms),
        max_ms=median_of(lambda run: run.max_ms),
        cpu_us=median_of(lambda run: run.cpu_us),
        cpu_share=median_of(lambda run: run.extra.get("cpu_share", 0.0)),
        redis_cpu_us=median_of(lambda run: run.redis_cpu_seconds * 1e6 / run.delivered if run.delivered else 0.0),
        kb_per_client=median_of(lambda run: run.bytes_per_client / 1024),
        rss_peak_mb=median_of(lambda run: run.rss_peak / 2**20),
        # A sum, not a median: a fault in one run must show.
        faults=sum(run.duplicates + run.reordered + run.gaps + run.disconnects for run in good),
        lines_per_chunk=median_of(lambda run: run.lines_per_chunk),
        extra={name: float(median(run.extra[name] for run in good)) for name in good[0].extra},
        commands=good[0].commands,
        error=errors,
    )


def summarize(runs: Iterable[Measurement]) -> list[Row]:
    """Return a row for each scenario and server, in the order of their first runs."""
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for run in runs:
        groups.setdefault((run.scenario, run.server), []).append(run)
    return [summarize_group(group) for group in groups.values()]


def cpu_ratio(runs: Iterable[Measurement], scenario: str, server: str, other: str) -> float | None:
    """
    Return the median, over the rounds, of `server`'s CPU per delivery divided by that of `other`.

    Ratios are taken within a round, since the machine's other load changes between rounds. None if there is no round
    with both.
    """
    costs: dict[str, list[float]] = {server: [], other: []}
    for run in runs:
        if run.scenario == scenario and run.server in costs and not run.error and run.delivered:
            costs[run.server].append(run.cpu_us)
    ratios = [mine / theirs for mine, theirs in zip(costs[server], costs[other], strict=False) if theirs]
    return float(median(ratios)) if ratios else None
