"""
What a hub process will do under a load, computed from what its work costs.

    lines come --> the hub takes all that wait --> a chunk --> one subscriber after another --> the load client reads

A round over all sockets takes time, and the rest after it; lines that come meanwhile share the next chunk. That one
rule makes the CPU for each delivery fall, and the latency rise, as the load grows. `python -m bench.model.simulate`
compares it with measured points, those that gave it its costs and those that did not; docs/scaling.md says what
follows.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import click

from bench.model.costs import SCRIPT_LINES, Costs, Load, Point, fitted, gather_seconds
from bench.model.points import CALIBRATION, TESTED, WATCHED
from bench.report.tables import Cells, markdown, number, plain

# The publisher of the bench writes no more often than this.
TICK_SECONDS = 0.00025
# From PUBLISH to the hub's socket, when Redis has nothing else to do. Assumed; it matters below 1 ms only.
PATH_SECONDS = 0.0001
# See sse_hub/feed.py: `batch=1`, and the rest after a round that took long.
BATCH_SECONDS = 0.05
REST_AFTER_SECONDS = 0.001
REST_SHARE = 0.7
REST_SECONDS = 0.005
BATCH_LINES = 500
# How much is simulated: latencies settle within a few rounds.
SIMULATED_LINES = 4_000
SIMULATED_SECONDS = 5.0
# Every subscriber is at a place of the round; this many stand for all.
PLACES = 20
CLIENTS = (100, 1_000, 5_000, 10_000, 20_000)
RATES = (1, 10, 100, 1_000, 5_000)


@dataclass(frozen=True, slots=True)
class Prediction:
    """CPU in µs for each delivery and as a share of a core; the lines in a chunk; latencies in ms."""

    cpu_us: float
    share: float
    chunk_lines: float
    p50_ms: float
    p99_ms: float


@dataclass(slots=True)
class _Round:
    """A chunk on its way: when its lines came, when it is written to the first subscriber, and how long each takes."""

    came: list[float]
    begun: float
    each: float

    def written(self, place: float) -> float:
        """When the subscriber at `place`, counted from 0, has been written to, in seconds."""
        return self.begun + (place + 1) * self.each


def simulate(costs: Costs, load: Load, core: float = 1.0, reader: bool = True) -> Prediction | None:
    """
    What a hub does that gets `core` of a core: 1 alone, less where others want it. None where it falls behind.

    With `reader` the latency ends when the load client has read the line, with as much of another core, else when the
    hub has written it.
    """
    if load.deliveries == 0 or costs.least_share(load) >= core:
        return None
    count = max(2 * load.burst, min(SIMULATED_LINES, round(load.rate * SIMULATED_SECONDS)))
    rounds, busy_seconds = _rounds(costs, load, core - costs.idle_share, arrivals(load, count))
    places = [(place + 0.5) * load.clients / PLACES - 0.5 for place in range(PLACES)]
    done = _read(costs, load, core, rounds, places) if reader else _written(rounds, places)
    latencies = sorted(at - came for lines, at in done for came in lines)
    share = busy_seconds * load.rate / count + costs.idle_share
    return Prediction(
        share * 1e6 / load.deliveries,
        share,
        count / len(rounds),
        latencies[len(latencies) // 2] * 1e3,
        latencies[len(latencies) * 99 // 100] * 1e3,
    )


def arrivals(load: Load, count: int) -> list[float]:
    """When the first `count` lines are published, in seconds."""
    at = (line // load.burst * load.burst / load.rate for line in range(count))
    return [math.ceil(round(seconds / TICK_SECONDS, 6)) * TICK_SECONDS for seconds in at]


def _rounds(costs: Costs, load: Load, core: float, published: Sequence[float]) -> tuple[list[_Round], float]:
    """The rounds of the hub, and how much CPU they take in all, in seconds."""
    rounds: list[_Round] = []
    free = busy = 0.0
    gather, flushed, fresh, next_line = gather_seconds(load), -math.inf, 0, 0
    while next_line < len(published):
        begun = max(free, published[next_line] + PATH_SECONDS)
        if load.batch and rounds:
            full = published[min(next_line + BATCH_LINES, len(published)) - 1] + PATH_SECONDS
            begun = max(begun, min(rounds[-1].begun + BATCH_SECONDS, full))
        end = next_line
        while end < len(published) and published[end] + PATH_SECONDS <= begun:
            end += 1
        lines = end - next_line
        fresh += lines
        head, each = costs.head_us(lines) / 1e6, costs.write_us(load, lines) / 1e6
        rounds.append(_Round(list(published[next_line:end]), begun + head / core, each / core))
        free = rounds[-1].written(load.clients - 1)
        took = free - begun
        if not load.batch and took > REST_AFTER_SECONDS and lines < BATCH_LINES:
            free += min(took * REST_SHARE, REST_SECONDS)
        busy += head + load.clients * each
        # The recorder has its turn between two rounds.
        if begun - flushed >= gather:
            flush = math.ceil(fresh / SCRIPT_LINES) * costs.flush_us / 1e6
            flushed, fresh = begun, 0
            free += flush / core
            busy += flush
        next_line = end
    return rounds, busy


def _written(rounds: Sequence[_Round], places: Sequence[float]) -> Iterator[tuple[list[float], float]]:
    for each in rounds:
        for place in places:
            yield each.came, each.written(place)


def _read(
    costs: Costs, load: Load, core: float, rounds: Sequence[_Round], places: Sequence[float]
) -> Iterator[tuple[list[float], float]]:
    """The lines of each round and when they are read: all that is there for a client comes with one read."""
    free, first = 0.0, 0
    while first < len(rounds):
        begun = max(free, rounds[first].begun)
        end = first + 1
        while end < len(rounds) and rounds[end].written(load.clients - 1) <= begun:
            end += 1
        came = [at for each in rounds[first:end] for at in each.came]
        each = (costs.read_us + len(came) * costs.read_line_us) / 1e6 / core
        newest = rounds[end - 1]
        for place in places:
            yield came, max(begun + place * each, newest.written(place)) + each
        free = max(begun + (load.clients - 1) * each, newest.written(load.clients - 1)) + each
        first = end


def spread(values: Sequence[float]) -> str:
    """The median of some runs, and the least and the most of them."""
    if not values:
        return "–"
    middle = number(median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))} to {number(max(values))})"


def between(one: float, other: float) -> str:
    return f"{number(one)} … {number(other)}"


def comparison(costs: Costs, points: Sequence[Point]) -> Cells:
    """Computed, with a whole core and with half of one, beside measured; the head first."""
    head = ["point", "CPU µs", "measured", "lines a chunk", "measured", "p99 ms", "measured", "floor's p99 ms"]
    cells: Cells = [head]
    for point in points:
        alone, half = simulate(costs, point.load), simulate(costs, point.load, core=0.5)
        if alone is None or half is None:
            cells.append([point.key, "falls behind"])
            continue
        row = [between(alone.cpu_us, half.cpu_us), spread(point.cpu_us)]
        row += [between(alone.chunk_lines, half.chunk_lines), spread(point.chunk_lines)]
        row += [between(alone.p99_ms, half.p99_ms), spread(point.p99_ms), spread(point.floor_p99_ms)]
        cells.append([point.key, *row])
    return cells


def capacity(costs: Costs, batch: bool = False) -> Cells:
    """Share of a core, and p99 at the hub's side, for subscribers × lines a second; the head first."""
    cells: Cells = [["subscribers", *(f"{rate:,} lines/s" for rate in RATES)]]
    for clients in CLIENTS:
        found = [simulate(costs, Load(clients, rate, batch=batch), reader=False) for rate in RATES]
        cells.append([f"{clients:,}", *(_cell(each) for each in found)])
    return cells


def _cell(found: Prediction | None) -> str:
    if found is None:
        return "too much"
    return f"{min(found.share, 1) * 100:.0f} %, {number(found.p99_ms)} ms"


@click.command()
@click.option("--markdown", "as_markdown", is_flag=True, help="As docs/scaling.md has them.")
def main(as_markdown: bool) -> None:
    """Compare the model with what was measured, and print what one process carries."""
    laid_out = markdown if as_markdown else plain
    costs = fitted((*CALIBRATION, *WATCHED))
    parts = ["Costs, from the points that nobody watches and " + ", ".join(point.key for point in WATCHED) + ":"]
    parts += [f"  {name:<13} {number(getattr(costs, name))}" for name in costs.__dataclass_fields__]
    parts += ["\nComputed with a whole core … with half of one, and measured: median (least to most of the runs)."]
    parts += ["These gave the costs:\n", laid_out(comparison(costs, WATCHED))]
    parts += ["\nThese did not:\n", laid_out(comparison(costs, TESTED))]
    parts += ["\nOne process with a core of its own, lines of 200 bytes, computed: share of the core, p99.\n"]
    parts += [laid_out(capacity(costs)), "\nThe same with batch=1.\n", laid_out(capacity(costs, batch=True))]
    click.echo("\n".join(parts))


if __name__ == "__main__":
    main()
