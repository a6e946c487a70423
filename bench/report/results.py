"""
What was measured, and the medians of it. Pure; no I/O.

    Measurement of each run --> median_of() --> Row of a table
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Measurement:
    """
    One run of a scenario against a server.

    `asked` is how many deliveries there should have been, `delivered` how many distinct ones there were. CPU is of the
    server with all its processes, without Redis, whose own is `redis_cpu_seconds`. Memory is in bytes: before the
    first client, when all were connected, and the most of it. `extra` holds what only this kind of scenario has.
    """

    scenario: str
    server: str
    clients: int = 0
    asked: int = 0
    delivered: int = 0
    published: int = 0
    seconds: float = 0.0
    duplicates: int = 0
    reordered: int = 0
    gaps: int = 0
    cut: int = 0
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
        """Delivered of asked, 0 to 1."""
        return self.delivered / self.asked if self.asked else 0.0

    @property
    def per_second(self) -> float:
        """Deliveries a second, between the first and the last."""
        return self.delivered / self.seconds if self.seconds else 0.0

    @property
    def cpu_us(self) -> float:
        """Microseconds of the server's CPU for each delivery."""
        return self.cpu_seconds * 1e6 / self.delivered if self.delivered else 0.0

    @property
    def bytes_per_client(self) -> float:
        """What an idle client adds to the server's memory."""
        return (self.rss_ready - self.rss_before) / self.clients if self.clients else 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the runs of a scenario against a server. `error` tells why there are none, or not of all runs."""

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


def row_of(runs: Sequence[Measurement]) -> Row:
    """The medians of `runs`, at least one, all of the same scenario and server; runs that failed are left out."""
    good = [run for run in runs if not run.error]
    errors = "; ".join(sorted({run.error for run in runs if run.error}))
    if not good:
        return Row(runs[0].scenario, runs[0].server, 0, error=errors)

    def middle(figure: Callable[[Measurement], float]) -> float:
        return float(median(figure(run) for run in good))

    return Row(
        runs[0].scenario,
        runs[0].server,
        len(good),
        share=middle(lambda run: run.share),
        per_second=middle(lambda run: run.per_second),
        p50_ms=middle(lambda run: run.p50_ms),
        p99_ms=middle(lambda run: run.p99_ms),
        max_ms=middle(lambda run: run.max_ms),
        cpu_us=middle(lambda run: run.cpu_us),
        cpu_share=middle(lambda run: run.extra.get("cpu_share", 0.0)),
        redis_cpu_us=middle(lambda run: run.redis_cpu_seconds * 1e6 / run.delivered if run.delivered else 0.0),
        kb_per_client=middle(lambda run: run.bytes_per_client / 1024),
        rss_peak_mb=middle(lambda run: run.rss_peak / 2**20),
        # Not a median: one fault in one run is one.
        faults=sum(run.duplicates + run.reordered + run.gaps + run.cut for run in good),
        lines_per_chunk=middle(lambda run: run.lines_per_chunk),
        extra={name: float(median(run.extra[name] for run in good)) for name in good[0].extra},
        commands=good[0].commands,
        error=errors,
    )


def rows_of(runs: Iterable[Measurement]) -> list[Row]:
    """A row for each scenario and server, in the order in which they first came."""
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for run in runs:
        groups.setdefault((run.scenario, run.server), []).append(run)
    return [row_of(group) for group in groups.values()]


def ratio(runs: Iterable[Measurement], scenario: str, one: str, other: str) -> float | None:
    """
    The median, over the rounds, of server `one`'s CPU per delivery by that of `other`; None where one is lacking.

    Within a round, since what else the machine does changes from one to the next.
    """
    costs: dict[str, list[float]] = {one: [], other: []}
    for run in runs:
        if run.scenario == scenario and run.server in costs and not run.error and run.delivered:
            costs[run.server].append(run.cpu_us)
    pairs = [mine / theirs for mine, theirs in zip(costs[one], costs[other], strict=False) if theirs]
    return float(median(pairs)) if pairs else None
