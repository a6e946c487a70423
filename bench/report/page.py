"""
Writes docs/benchmarks.md and its plots from the results of a run.

    Results --> rows --> tables, bar charts --> docs/benchmarks.md, docs/images/bench-*
"""

from collections.abc import Sequence
from pathlib import Path

from bench.report.results import Results, Row, cpu_ratio, summarize
from bench.report.svg import bar_chart
from bench.report.tables import format_number, markdown_table, plain_table, scenario_cells
from bench.scenarios import SCENARIOS, Scenario

PLOTTED = {"S1": "p99_ms", "S2": "cpu_us", "S3": "per_second", "S4-2000": "kb_per_client"}
PLOT_TITLES = {
    "p99_ms": ("p99 from publisher to client", "ms"),
    "cpu_us": ("server CPU per delivery", "µs"),
    "per_second": ("deliveries per second", "/s"),
    "kb_per_client": ("memory per idle subscriber", "kB"),
}
PREFACE = Path(__file__).with_name("preface.md")


def rows_by_scenario(rows: Sequence[Row]) -> list[tuple[Scenario, list[Row]]]:
    """Group the rows by scenario, in the order of the scenarios; those without rows are left out."""
    groups = [(scenario, [row for row in rows if row.scenario == scenario.key]) for scenario in SCENARIOS]
    return [(scenario, group) for scenario, group in groups if group]


def summary(results: Results) -> str:
    """Return the tables for a terminal."""
    parts = []
    for scenario, rows in rows_by_scenario(summarize(results.runs)):
        parts.append(f"{scenario.key}  {scenario.title}\n{plain_table(scenario_cells(scenario, rows, results.titles))}")
    return "\n\n".join([*parts, *ratio_lines(results)])


def ratio_lines(results: Results) -> list[str]:
    """Return the hub's CPU per delivery in S2 relative to the floor and Nchan: the goals are about these ratios."""
    lines = []
    for other in ("floor", "nchan", "nchan-redis"):
        ratio = cpu_ratio(results.runs, "S2", "hub", other)
        if ratio is not None:
            title = results.titles.get(other, other)
            times = format_number(ratio)
            lines.append(f"In S2, the hub takes {times} × as much CPU per delivery as {title} (median of the rounds).")
    return lines


def write_page(results: Results, docs: Path) -> list[Path]:
    """Write docs/benchmarks.md and its plots, and return the files written."""
    images = docs / "images"
    images.mkdir(exist_ok=True)
    written = []
    parts = [PREFACE.read_text(), "## Machine and versions\n", *(f"- {name}: {value}" for name, value in results.facts)]
    parts += [f"- {title}: {version or 'left out'}" for _, title, version in results.servers]
    for line in ratio_lines(results):
        parts += ["", line]
    for scenario, rows in rows_by_scenario(summarize(results.runs)):
        parts += ["", f"## {scenario.key}: {scenario.title}", ""]
        if (figure := PLOTTED.get(scenario.key)) and (plot := plot_svg(figure, scenario, rows, results.titles)):
            path = images / f"bench-{scenario.key.lower()}.svg"
            path.write_text(plot)
            written.append(path)
            parts += [f"![{PLOT_TITLES[figure][0]}](images/{path.name})", ""]
        parts += [markdown_table(scenario_cells(scenario, rows, results.titles)), "", *command_lines(scenario, rows)]
    page = docs / "benchmarks.md"
    page.write_text("\n".join(parts) + "\n")
    return [page, *written]


def command_lines(scenario: Scenario, rows: Sequence[Row]) -> list[str]:
    """Return how to repeat the scenario, and the commands that were run against its first server."""
    least, most = min(row.runs for row in rows), max(row.runs for row in rows)
    rounds = "1 round" if most == 1 else f"{most} rounds" if least == most else f"{least} to {most} rounds"
    repeat = f'Measured with `make bench ARGS="--only {scenario.key}"` in {rounds}; the commands for the first server:'
    commands = next((row.commands for row in rows if row.commands), ())
    return [repeat, "", "```sh", *commands, "```"]


def plot_svg(figure: str, scenario: Scenario, rows: Sequence[Row], titles: dict[str, str]) -> str:
    """Return a bar chart of `figure`, a field of Row, as SVG; "" if fewer than two servers have a value."""
    title, unit = PLOT_TITLES[figure]
    values = [(titles.get(row.server, row.server), float(getattr(row, figure))) for row in rows if row.runs]
    bars = [(name, value, f"{format_number(value)} {unit}") for name, value in values if value > 0]
    return bar_chart(f"{scenario.key}: {title}", scenario.title, bars, "sse-hub") if len(bars) > 1 else ""
