"""
Tables of the results, for a terminal and as Markdown. Pure; no I/O.

    rows --> scenario_cells() --> plain_table() or markdown_table()
"""

from collections.abc import Iterable, Mapping, Sequence

from bench.report.results import Row
from bench.scenarios import Scenario

Cells = list[list[str]]

HEAD = ["server", "delivered", "per second", "p50 ms", "p99 ms", "CPU µs", "Redis µs", "× hub", "RSS MB", "faults"]
IDLE_HEAD = ["server", "kB per subscriber", "CPU, % of a core"]
INGEST_HEAD = ["server", "lines/s", "recorded", "recorded/s", "median lag s", "max lag s", "CPU µs per line"]
RESUME_HEAD = ["server", "delivered", "all resumed after s", "live p50 ms", "live p99 ms", "CPU µs", "faults"]


def format_number(value: float) -> str:
    """Format with three significant digits, but 1,234,000 in full; a dash for 0."""
    if value == 0:
        return "–"
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def format_percent(share: float) -> str:
    """Format a share, 0 to 1; "100 %" only if nothing is missing."""
    text = f"{share * 100:.1f} %"
    return "100 %" if share == 1 else "99.9 %" if text == "100.0 %" else text


def scenario_cells(scenario: Scenario, rows: Sequence[Row], titles: Mapping[str, str]) -> Cells:
    """Return the table of a scenario, head first. A server without results has the reason in its second cell."""
    hub = next((row for row in rows if row.server == "hub" and row.runs), None)
    heads = {"idle": IDLE_HEAD, "ingest": INGEST_HEAD, "resume": RESUME_HEAD}
    cells = [list(heads.get(scenario.kind, HEAD))]
    for row in rows:
        name = titles.get(row.server, row.server)
        if not row.runs:
            cells.append([name, f"left out: {row.error}"])
            continue
        cells.append([name, *_figures(scenario, row, hub)])
    return cells


def _figures(scenario: Scenario, row: Row, hub: Row | None) -> list[str]:
    if scenario.kind == "idle":
        return [format_number(row.kb_per_client), format_number(row.cpu_share * 100)]
    if scenario.kind == "ingest":
        keys = ("recorded_per_second", "lag_median_s", "lag_max_s", "cpu_us_per_line")
        shares = [format_number(row.extra["publish_rate"]), format_percent(row.extra["recorded_share"])]
        return [*shares, *(format_number(row.extra[key]) for key in keys)]
    if scenario.kind == "resume":
        faults = row.faults + round(row.extra["live_faults"])
        times = [row.extra["resume_seconds"], row.p50_ms, row.p99_ms, row.cpu_us]
        return [format_percent(row.share), *map(format_number, times), str(faults)]
    times_hub = format_number(row.cpu_us / hub.cpu_us) if hub and hub.cpu_us else ""
    figures = [row.per_second, row.p50_ms, row.p99_ms, row.cpu_us, row.redis_cpu_us]
    rss = format_number(row.rss_peak_mb)
    return [format_percent(row.share), *map(format_number, figures), times_hub, rss, str(row.faults)]


def plain_table(cells: Cells) -> str:
    """Return a table for a terminal, numbers aligned right."""
    widths = [max(len(line[column]) for line in cells if len(line) > 2) for column in range(len(cells[0]))]
    lines = []
    for line in cells:
        if len(line) == 2 < len(widths):
            lines.append(f"  {line[0]:<{widths[0]}}  {line[1]}")
            continue
        rest = "  ".join(f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True))
        lines.append(f"  {line[0]:<{widths[0]}}  {rest}")
    return "\n".join(lines)


def markdown_table(cells: Cells) -> str:
    """Return a Markdown table."""
    columns = len(cells[0])
    full = [line + [""] * (columns - len(line)) for line in cells]
    lines = [_markdown_row(full[0]), _markdown_row(["---", *["---:"] * (columns - 1)])]
    return "\n".join([*lines, *map(_markdown_row, full[1:])])


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
