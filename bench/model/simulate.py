"""
Predicts what a hub process does under a workload, from what its work costs.

    lines arrive --> the hub takes all that wait --> a chunk --> one subscriber after another --> the load client reads

A round over all sockets takes time, and so does the cool-down after it; lines that arrive meanwhile share the next
chunk. This one rule makes the CPU per delivery fall and the latency rise as the load grows.

`python -m bench.model.simulate` compares the predictions with measured points, both those used for the fit and those
that were not; docs/scaling.md draws the conclusions.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import click

from bench.model.costs import SCRIPT_LINES, Costs, Point, Workload, fit_costs, gather_seconds
from bench.model.points import CALIBRATION, FITTED, TESTED
from bench.report.tables import Cells, format_number, markdown_table, plain_table

# The bench's publisher writes at most this often (TICK_US in bench/native/publish.c).
TICK_SECONDS = 0.00025
# From PUBLISH to the hub's socket, when Redis is otherwise idle. Assumed; it matters only below 1 ms.
PATH_SECONDS = 0.0001
# See sse_hub/hub/feed.py: `batch=1`, and the cool-down after a long round.
BATCH_SECONDS = 0.05
COOL_DOWN_AFTER_SECONDS = 0.001
COOL_DOWN_SHARE = 0.7
COOL_DOWN_SECONDS = 0.005
BATCH_LINES = 500
# How much is simulated: latencies settle within a few rounds.
SIMULATED_LINES = 4_000
SIMULATED_SECONDS = 5.0
# Each subscriber has a place in the round; latencies are computed for this many of them, evenly spaced.
PLACES = 20
CLIENTS = (100, 1_000, 5_000, 10_000, 20_000)
RATES = (1, 10, 100, 1_000, 5_000)


@dataclass(frozen=True, slots=True)
class Prediction:
    """CPU in µs per delivery and as a share of a core; lines per chunk; latencies in ms."""

    cpu_us: float
    share: float
    chunk_lines: float
    p50_ms: float
    p99_ms: float


@dataclass(slots=True)
class _Round:
    """
    A chunk being written to all subscribers; all times in seconds.

    `published` are the times at which its lines were published, `began` is when writing starts, and `write_seconds` is
    the time per subscriber.
    """

    published: list[float]
    began: float
    write_seconds: float

    def written_at(self, place: float) -> float:
        """Return when the subscriber at `place`, counted from 0, has been written to."""
        return self.began + (place + 1) * self.write_seconds


def simulate(costs: Costs, workload: Workload, core: float = 1.0, reader: bool = True) -> Prediction | None:
    """
    Predict what a hub does with `core` of a core: 1 for a dedicated core, less for a shared one. None if it falls
    behind, or if nothing is delivered.

    With `reader`, latencies end when the load client, which gets as much of another core, has read the line; without,
    when the hub has written it.
    """
    if workload.deliveries == 0 or costs.least_share(workload) >= core:
        return None
    count = max(2 * workload.burst, min(SIMULATED_LINES, round(workload.rate * SIMULATED_SECONDS)))
    rounds, busy_seconds = _simulate_rounds(costs, workload, core - costs.idle_share, publish_times(workload, count))
    places = [(place + 0.5) * workload.clients / PLACES - 0.5 for place in range(PLACES)]
    deliveries = _read_times(costs, workload, core, rounds, places) if reader else _write_times(rounds, places)
    latencies = sorted(delivered - published for lines, delivered in deliveries for published in lines)
    share = busy_seconds * workload.rate / count + costs.idle_share
    return Prediction(
        share * 1e6 / workload.deliveries,
        share,
        count / len(rounds),
        latencies[len(latencies) // 2] * 1e3,
        latencies[len(latencies) * 99 // 100] * 1e3,
    )


def publish_times(workload: Workload, count: int) -> list[float]:
    """Return when the first `count` lines are published, in seconds."""
    due = (line // workload.burst * workload.burst / workload.rate for line in range(count))
    return [math.ceil(round(seconds / TICK_SECONDS, 6)) * TICK_SECONDS for seconds in due]


def _simulate_rounds(
    costs: Costs, workload: Workload, core: float, published: Sequence[float]
) -> tuple[list[_Round], float]:
    """Return the hub's rounds, and their CPU in seconds."""
    rounds: list[_Round] = []
    free_at = busy_seconds = 0.0
    gather, flushed_at, unrecorded, next_line = gather_seconds(workload), -math.inf, 0, 0
    while next_line < len(published):
        began = max(free_at, published[next_line] + PATH_SECONDS)
        if workload.batch and rounds:
            batch_full = published[min(next_line + BATCH_LINES, len(published)) - 1] + PATH_SECONDS
            began = max(began, min(rounds[-1].began + BATCH_SECONDS, batch_full))
        end = next_line
        while end < len(published) and published[end] + PATH_SECONDS <= began:
            end += 1
        lines = end - next_line
        unrecorded += lines
        chunk_seconds, write_seconds = costs.chunk_us(lines) / 1e6, costs.write_us(workload, lines) / 1e6
        rounds.append(_Round(list(published[next_line:end]), began + chunk_seconds / core, write_seconds / core))
        free_at = rounds[-1].written_at(workload.clients - 1)
        took = free_at - began
        if not workload.batch and took > COOL_DOWN_AFTER_SECONDS and lines < BATCH_LINES:
            free_at += min(took * COOL_DOWN_SHARE, COOL_DOWN_SECONDS)
        busy_seconds += chunk_seconds + workload.clients * write_seconds
        # The recorder gets its turn between two rounds.
        if began - flushed_at >= gather:
            script_seconds = math.ceil(unrecorded / SCRIPT_LINES) * costs.flush_us / 1e6
            flushed_at, unrecorded = began, 0
            free_at += script_seconds / core
            busy_seconds += script_seconds
        next_line = end
    return rounds, busy_seconds


def _write_times(rounds: Sequence[_Round], places: Sequence[float]) -> Iterator[tuple[list[float], float]]:
    """Yield the publish times of a chunk's lines and when the chunk is written, for each round and place."""
    for each in rounds:
        for place in places:
            yield each.published, each.written_at(place)


def _read_times(
    costs: Costs, workload: Workload, core: float, rounds: Sequence[_Round], places: Sequence[float]
) -> Iterator[tuple[list[float], float]]:
    """
    Yield the publish times of lines and when the load client reads them, for each of its own rounds and each place.

    One read takes everything that has arrived for a subscriber, so it may cover several of the hub's rounds.
    """
    free_at, first = 0.0, 0
    while first < len(rounds):
        began = max(free_at, rounds[first].began)
        end = first + 1
        while end < len(rounds) and rounds[end].written_at(workload.clients - 1) <= began:
            end += 1
        published = [time for each in rounds[first:end] for time in each.published]
        read_seconds = (costs.read_us + len(published) * costs.read_line_us) / 1e6 / core
        newest = rounds[end - 1]
        for place in places:
            yield published, max(began + place * read_seconds, newest.written_at(place)) + read_seconds
        last_began = began + (workload.clients - 1) * read_seconds
        free_at = max(last_began, newest.written_at(workload.clients - 1)) + read_seconds
        first = end


def format_runs(values: Sequence[float]) -> str:
    """Format the median of some runs, with their minimum and maximum."""
    if not values:
        return "–"
    middle = format_number(median(values))
    return middle if len(values) == 1 else f"{middle} ({format_number(min(values))} to {format_number(max(values))})"


def format_range(one: float, other: float) -> str:
    return f"{format_number(one)} … {format_number(other)}"


def comparison_cells(costs: Costs, points: Sequence[Point]) -> Cells:
    """Return a table, head first, of what is predicted, with a full core and with half of one, and measured."""
    head = ["point", "CPU µs", "measured", "lines per chunk", "measured", "p99 ms", "measured", "floor p99 ms"]
    cells: Cells = [head]
    for point in points:
        full, half = simulate(costs, point.workload), simulate(costs, point.workload, core=0.5)
        if full is None or half is None:
            cells.append([point.key, "falls behind"])
            continue
        row = [format_range(full.cpu_us, half.cpu_us), format_runs(point.cpu_us)]
        row += [format_range(full.chunk_lines, half.chunk_lines), format_runs(point.chunk_lines)]
        row += [format_range(full.p99_ms, half.p99_ms), format_runs(point.p99_ms), format_runs(point.floor_p99_ms)]
        cells.append([point.key, *row])
    return cells


def capacity_cells(costs: Costs, batch: bool = False) -> Cells:
    """Return a table, head first: share of a core, and p99 until the hub has written, by subscribers and lines/s."""
    cells: Cells = [["subscribers", *(f"{rate:,} lines/s" for rate in RATES)]]
    for clients in CLIENTS:
        predictions = [simulate(costs, Workload(clients, rate, batch=batch), reader=False) for rate in RATES]
        cells.append([f"{clients:,}", *(_capacity_cell(each) for each in predictions)])
    return cells


def _capacity_cell(prediction: Prediction | None) -> str:
    if prediction is None:
        return "too much"
    return f"{min(prediction.share, 1) * 100:.0f} %, {format_number(prediction.p99_ms)} ms"


@click.command()
@click.option("--markdown", is_flag=True, help="Print Markdown tables, as in docs/scaling.md.")
def main(markdown: bool) -> None:
    """Compare the model with measurements, and print what one process can handle."""
    table = markdown_table if markdown else plain_table
    costs = fit_costs((*CALIBRATION, *FITTED))
    keys = ", ".join(point.key for point in FITTED)
    parts = [f"Costs, fitted to the points without subscribers and {keys}:"]
    parts += [f"  {name:<13} {format_number(getattr(costs, name))}" for name in costs.__dataclass_fields__]
    parts += ["\nPredicted with a full core … half a core, and measured: median (minimum to maximum of the runs)."]
    parts += ["Used for the fit:\n", table(comparison_cells(costs, FITTED))]
    parts += ["\nNot used for the fit:\n", table(comparison_cells(costs, TESTED))]
    parts += ["\nPredicted for one process with a dedicated core and lines of 200 bytes: share of the core, p99.\n"]
    parts += [table(capacity_cells(costs)), "\nThe same with batch=1.\n", table(capacity_cells(costs, batch=True))]
    click.echo("\n".join(parts))


if __name__ == "__main__":
    main()
