"""The command: `python -m bench`."""

import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.errors import BuildError
from bench.machine import machine_facts
from bench.native.programs import Programs, build
from bench.peers.servers import PEERS, peer_servers
from bench.report.page import summary, write_page
from bench.report.results import Measurement, Results
from bench.report.tables import format_number, format_percent
from bench.run import run_scenario
from bench.scenarios import ALL_SERVERS, SCENARIOS, Scenario, quick_scenarios, select
from bench.servers import Server, floor_server, hub_server

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".bench"
SPARE_FILES = 200


@click.command(context_settings={"show_default": True})
@click.option("--quick", is_flag=True, help="Two minutes: only hub and floor; installs and writes nothing.")
@click.option("--only", multiple=True, help="A scenario, or the first part of its key (S2); repeatable.")
@click.option("--servers", "names", multiple=True, type=click.Choice(ALL_SERVERS), help="A server; repeatable.")
@click.option("--rounds", type=click.IntRange(1), default=None, help="Runs per measurement: 3, or 1 with --quick.")
@click.option("--scale", type=click.FloatRange(0.01), default=1.0, help="Multiplies seconds and lines.")
@click.option(
    "--write/--no-write", "writes", default=None, help="Write docs/benchmarks.md; by default after a complete run."
)
@click.option("--report", is_flag=True, help="Measure nothing: write docs/benchmarks.md from the last results.")
def main(
    quick: bool,
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
        _write_page(Results.read(CACHE / "results.json"))
        return
    scenarios = select(quick_scenarios() if quick else SCENARIOS, only, names, scale)
    raise_open_files_limit()
    with TemporaryDirectory(prefix="sse-hub-bench-") as folder:
        try:
            programs = build(Path(folder))
        except BuildError as error:
            raise click.ClickException(str(error)) from None
        results = run_all(scenarios, rounds or (1 if quick else 3), programs, scale)
    click.echo("\n" + summary(results))
    complete = not (quick or only or names or scale != 1)
    if complete if writes is None else writes:
        _write_page(results)


def _write_page(results: Results) -> None:
    for path in write_page(results, ROOT / "docs"):
        click.echo(f"wrote {path.relative_to(ROOT)}")


def raise_open_files_limit() -> int:
    """Raise the limit of open files to the most this user may have, and return it. Child processes inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def run_all(scenarios: tuple[Scenario, ...], rounds: int, programs: Programs, scale: float) -> Results:
    """Measure each scenario, already at `scale`, against each of its servers, `rounds` times, reporting progress."""
    needed = {name for scenario in scenarios for name in scenario.servers}
    if needed & PEERS.keys():
        click.echo(f"Installing missing peers into {CACHE.relative_to(ROOT)} …", err=True)
    servers = {
        server.key: server
        for server in [hub_server(), floor_server(), *peer_servers(CACHE, needed)]
        if server.key in needed
    }
    scaled = [("scale", f"{scale:g} of the seconds and lines in the titles")] if scale != 1 else []
    results = Results([*machine_facts(), *scaled], [(each.key, each.title, each.version) for each in servers.values()])
    runs = [(scenario, servers[name]) for _ in range(rounds) for scenario in scenarios for name in scenario.servers]
    lines_per_chunk: dict[str, float] = {}
    for number, (scenario, server) in enumerate(runs, 1):
        measurement = _measure_if_files_suffice(scenario, server, programs, lines_per_chunk.get(scenario.key, 1.0))
        if server.key == "hub":
            # The floor, which comes next, is to write as often as the hub did.
            lines_per_chunk[scenario.key] = measurement.lines_per_chunk
        results.runs.append(measurement)
        results.save(CACHE / "results.json")
        progress = f"[{number}/{len(runs)}] {scenario.key:<9} {server.title:<22}"
        click.echo(f"{progress} {describe(scenario, measurement)}", err=True)
    return results


def _measure_if_files_suffice(
    scenario: Scenario, server: Server, programs: Programs, lines_per_chunk: float
) -> Measurement:
    needed, limit = scenario.clients + SPARE_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if needed > limit:
        return Measurement(scenario.key, server.key, error=f"needs {needed} open files, `ulimit -Hn` is {limit}")
    began = time.monotonic()
    measurement = run_scenario(scenario, server, programs, lines_per_chunk)
    measurement.extra["took_seconds"] = time.monotonic() - began
    return measurement


def describe(scenario: Scenario, measurement: Measurement) -> str:
    """One line about a measurement, for the progress report."""
    if measurement.error:
        return f"left out: {measurement.error}"
    figures = measurement.extra
    if scenario.kind == "idle":
        kilobytes = format_number(measurement.bytes_per_client / 1024)
        return f"{kilobytes} kB per subscriber, {format_percent(figures['cpu_share'])} of a core"
    if scenario.kind == "ingest":
        rate = format_number(figures["recorded_per_second"])
        return f"{rate} lines/s recorded, lag up to {figures['lag_max_s']:.2f} s"
    share, rate = format_percent(measurement.share), format_number(measurement.per_second)
    cpu, p99 = format_number(measurement.cpu_us), format_number(measurement.p99_ms)
    return f"{share} delivered, {rate}/s, {cpu} µs each, p99 {p99} ms"


if __name__ == "__main__":
    main()
