"""
docs/benchmarks.md and its plots, from the results of a run.

    results (JSON, saved after each measurement) --> rows --> tables, bars --> docs/benchmarks.md, docs/images/bench-*
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.report.results import Measurement, Row, ratio, rows_of
from bench.report.svg import bars
from bench.report.tables import cells_of, markdown, number, plain
from bench.scenarios import SCENARIOS, Scenario

PLOTTED = {"S1": "p99_ms", "S2": "cpu_us", "S3": "per_second", "S4-2000": "kb_per_client"}
PLOT_TITLES = {
    "p99_ms": ("p99 from publisher to client", "ms"),
    "cpu_us": ("CPU of the server for each delivery", "µs"),
    "per_second": ("deliveries a second", "/s"),
    "kb_per_client": ("memory of an idle subscriber", "kB"),
}
PREFACE = Path(__file__).with_name("preface.md")


class Results:
    """What has been measured so far; save() after each, so that a run that is cut has not been for nothing."""

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
        """What save() has written."""
        content: dict[str, Any] = json.loads(path.read_text())
        results = cls([(a, b) for a, b in content["facts"]], [(a, b, c) for a, b, c in content["servers"]])
        results.runs = [Measurement(**{**run, "commands": tuple(run["commands"])}) for run in content["runs"]]
        return results


def by_scenario(rows: Sequence[Row]) -> list[tuple[Scenario, list[Row]]]:
    """The rows of each scenario that has some, in the order of the scenarios."""
    return [
        (scenario, mine) for scenario in SCENARIOS if (mine := [row for row in rows if row.scenario == scenario.key])
    ]


def summary(results: Results) -> str:
    """The tables, for a terminal."""
    parts = []
    for scenario, rows in by_scenario(rows_of(results.runs)):
        parts.append(f"{scenario.key}  {scenario.title}\n{plain(cells_of(scenario, rows, results.titles))}")
    return "\n\n".join([*parts, *ratios(results)])


def ratios(results: Results) -> list[str]:
    """What the goals are about: the hub's cost in S2 beside the floor's and Nchan's."""
    lines = []
    for other in ("floor", "nchan", "nchan-redis"):
        found = ratio(results.runs, "S2", "hub", other)
        if found is not None:
            title = results.titles.get(other, other)
            lines.append(
                f"S2: a delivery costs the hub {number(found)} × what it costs {title} (median of the rounds)."
            )
    return lines


def write(results: Results, docs: Path) -> list[Path]:
    """docs/benchmarks.md and its plots; the files written."""
    images = docs / "images"
    images.mkdir(exist_ok=True)
    written = []
    parts = [PREFACE.read_text(), "## Machine and versions\n", *(f"- {name}: {value}" for name, value in results.facts)]
    parts += [f"- {title}: {version or 'left out'}" for _, title, version in results.servers]
    for line in ratios(results):
        parts += ["", line]
    for scenario, rows in by_scenario(rows_of(results.runs)):
        parts += ["", f"## {scenario.key}: {scenario.title}", ""]
        if (figure := PLOTTED.get(scenario.key)) and (plot := plot_of(figure, scenario, rows, results.titles)):
            path = images / f"bench-{scenario.key.lower()}.svg"
            path.write_text(plot)
            written.append(path)
            parts += [f"![{PLOT_TITLES[figure][0]}](images/{path.name})", ""]
        parts += [markdown(cells_of(scenario, rows, results.titles)), "", *commands_of(scenario, rows)]
    page = docs / "benchmarks.md"
    page.write_text("\n".join(parts) + "\n")
    return [page, *written]


def commands_of(scenario: Scenario, rows: Sequence[Row]) -> list[str]:
    """How the figures of one scenario were got: all of them anew, and what was run against the first server."""
    least, most = min(row.runs for row in rows), max(row.runs for row in rows)
    seconds = f"{most} rounds" if least == most else f"{least} to {most} rounds"
    again = f'Measured by `make bench ARGS="--only {scenario.key}"`, {seconds}; against the first server that was:'
    commands = next((row.commands for row in rows if row.commands), ())
    return [again, "", "```sh", *commands, "```"]


def plot_of(figure: str, scenario: Scenario, rows: Sequence[Row], titles: dict[str, str]) -> str:
    """The SVG of one figure of a scenario's rows; nothing if fewer than two servers have it."""
    title, unit = PLOT_TITLES[figure]
    found = [(titles.get(row.server, row.server), float(getattr(row, figure))) for row in rows if row.runs]
    values = [(name, value, f"{number(value)} {unit}") for name, value in found if value > 0]
    return bars(f"{scenario.key}: {title}", scenario.title, values, "sse-hub") if len(values) > 1 else ""
