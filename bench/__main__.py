"""The command: `python -m bench`."""

import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.machine import facts
from bench.native.programs import Tools, Unbuildable, build
from bench.peers.servers import RIVALS, rivals
from bench.report.page import Results, summary, write
from bench.report.results import Measurement
from bench.report.tables import number, percent
from bench.run import measure
from bench.scenarios import ALL, SCENARIOS, Scenario, chosen, quick
from bench.servers import Server, floor, hub

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".bench"
SPARE_FILES = 200


@click.command(context_settings={"show_default": True})
@click.option("--quick", "short", is_flag=True, help="Two minutes: hub and floor alone, nothing installed or written.")
@click.option("--only", multiple=True, help="A scenario, or the first part of its key (S2); repeatable.")
@click.option("--servers", "names", multiple=True, type=click.Choice(ALL), help="A server; repeatable.")
@click.option("--rounds", type=click.IntRange(1), default=None, help="How often each is measured: 3, or 1 if quick.")
@click.option("--scale", type=click.FloatRange(0.01), default=1.0, help="Multiplies seconds and lines.")
@click.option("--write/--no-write", "writes", default=None, help="docs/benchmarks.md: if all was measured.")
@click.option("--report", is_flag=True, help="Measure nothing: write docs/benchmarks.md from the last results.")
def main(
    short: bool,
    only: tuple[str, ...],
    names: tuple[str, ...],
    rounds: int | None,
    scale: float,
    writes: bool | None,
    report: bool,
) -> None:
    """Measure the hub beside its peers, and print the tables."""
    CACHE.mkdir(exist_ok=True)
    if report:
        _write(Results.read(CACHE / "results.json"))
        return
    scenarios = chosen(quick() if short else SCENARIOS, only, names, scale)
    raise_limit()
    with TemporaryDirectory(prefix="sse-hub-bench-") as folder:
        try:
            tools = build(Path(folder))
        except Unbuildable as problem:
            raise click.ClickException(str(problem)) from None
        results = run_all(scenarios, rounds or (1 if short else 3), tools, scale)
    click.echo("\n" + summary(results))
    whole = not (short or only or names or scale != 1)
    if whole if writes is None else writes:
        _write(results)


def _write(results: Results) -> None:
    for path in write(results, ROOT / "docs"):
        click.echo(f"written: {path.relative_to(ROOT)}")


def raise_limit() -> int:
    """Open as many files as this user may; how many that is. Programs started later inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def run_all(scenarios: tuple[Scenario, ...], rounds: int, tools: Tools, scale: float) -> Results:
    """Every scenario, already at `scale`, against each of its servers, `rounds` times, with progress."""
    wanted = {name: True for scenario in scenarios for name in scenario.servers}
    if wanted.keys() & RIVALS.keys():
        click.echo(f"Installing peers into {CACHE.relative_to(ROOT)} where they are missing …", err=True)
    servers = {server.key: server for server in [hub(), floor(), *rivals(CACHE, wanted)] if server.key in wanted}
    scaled = [("scale", f"{scale:g} of the seconds and lines in the titles")] if scale != 1 else []
    results = Results([*facts(), *scaled], [(each.key, each.title, each.version) for each in servers.values()])
    runs = [(scenario, servers[name]) for _ in range(rounds) for scenario in scenarios for name in scenario.servers]
    chunk_lines: dict[str, float] = {}
    for place, (scenario, server) in enumerate(runs, 1):
        found = _measured(scenario, server, tools, chunk_lines.get(scenario.key, 1.0))
        if server.key == "hub":
            # The floor, which comes next, is to write as often.
            chunk_lines[scenario.key] = found.lines_per_chunk
        results.runs.append(found)
        results.save(CACHE / "results.json")
        click.echo(f"[{place}/{len(runs)}] {scenario.key:<9} {server.title:<22} {said_of(scenario, found)}", err=True)
    return results


def _measured(scenario: Scenario, server: Server, tools: Tools, chunk_lines: float) -> Measurement:
    needed, allowed = scenario.clients + SPARE_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if needed > allowed:
        return Measurement(scenario.key, server.key, error=f"needs {needed} open files, `ulimit -Hn` is {allowed}")
    began = time.monotonic()
    found = measure(scenario, server, tools, chunk_lines)
    found.extra["took_seconds"] = time.monotonic() - began
    return found


def said_of(scenario: Scenario, found: Measurement) -> str:
    """A line on one measurement, for those who wait."""
    if found.error:
        return f"left out: {found.error}"
    if scenario.kind == "idle":
        return f"{number(found.bytes_per_client / 1024)} kB a subscriber, {percent(found.extra['cpu_share'])} of a core"
    if scenario.kind == "ingest":
        figures = found.extra
        return f"{number(figures['recorded_per_second'])} lines/s recorded, lag up to {figures['lag_max_s']:.2f} s"
    text = f"{percent(found.share)} delivered, {number(found.per_second)}/s, {number(found.cpu_us)} µs each"
    return f"{text}, p99 {number(found.p99_ms)} ms"


if __name__ == "__main__":
    main()
