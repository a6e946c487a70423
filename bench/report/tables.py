"""
Tables of what was measured, for a terminal and for Markdown. Pure; no I/O.

    rows --> cells_of() --> plain() or markdown()
"""

from collections.abc import Iterable, Mapping, Sequence

from bench.report.results import Row
from bench.scenarios import Scenario

Cells = list[list[str]]

HEAD = ["server", "delivered", "a second", "p50 ms", "p99 ms", "CPU µs", "Redis µs", "× hub", "RSS MB", "faults"]
IDLE_HEAD = ["server", "kB a subscriber", "CPU, % of a core"]
INGEST_HEAD = ["server", "lines/s", "recorded", "a second", "lag, median s", "lag, max s", "CPU µs a line"]
RESUME_HEAD = ["server", "delivered", "herd done in s", "others' p50 ms", "others' p99 ms", "CPU µs", "faults"]


def number(value: float) -> str:
    """Three digits that count: 1,234,000 stays whole, 0.9512 is 0.951; a dash where there is nothing."""
    if value == 0:
        return "–"
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def percent(share: float) -> str:
    """ "100 %" only where nothing is lacking."""
    text = f"{share * 100:.1f} %"
    return "100 %" if share == 1 else "99.9 %" if text == "100.0 %" else text


def cells_of(scenario: Scenario, rows: Sequence[Row], titles: Mapping[str, str]) -> Cells:
    """The table of one scenario, its head first; what could not be measured has its reason in the second column."""
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
        return [number(row.kb_per_client), number(row.cpu_share * 100)]
    if scenario.kind == "ingest":
        keys = ("recorded_per_second", "lag_median_s", "lag_max_s", "cpu_us_a_line")
        shares = [number(row.extra["publish_rate"]), percent(row.extra["recorded_share"])]
        return [*shares, *(number(row.extra[key]) for key in keys)]
    if scenario.kind == "resume":
        faults = row.faults + round(row.extra["live_faults"])
        times = [row.extra["herd_seconds"], row.p50_ms, row.p99_ms, row.cpu_us]
        return [percent(row.share), *map(number, times), str(faults)]
    times_hub = number(row.cpu_us / hub.cpu_us) if hub and hub.cpu_us else ""
    figures = [row.per_second, row.p50_ms, row.p99_ms, row.cpu_us, row.redis_cpu_us]
    return [percent(row.share), *map(number, figures), times_hub, number(row.rss_peak_mb), str(row.faults)]


def plain(cells: Cells) -> str:
    """Columns of a terminal; numbers to the right."""
    widths = [max(len(line[column]) for line in cells if len(line) > 2) for column in range(len(cells[0]))]
    lines = []
    for line in cells:
        if len(line) == 2 < len(widths):
            lines.append(f"  {line[0]:<{widths[0]}}  {line[1]}")
            continue
        rest = "  ".join(f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True))
        lines.append(f"  {line[0]:<{widths[0]}}  {rest}")
    return "\n".join(lines)


def markdown(cells: Cells) -> str:
    """A table of Markdown."""
    columns = len(cells[0])
    full = [line + [""] * (columns - len(line)) for line in cells]
    lines = [_pipes(full[0]), _pipes(["---", *["---:"] * (columns - 1)])]
    return "\n".join([*lines, *map(_pipes, full[1:])])


def _pipes(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
