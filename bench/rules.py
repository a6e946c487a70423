"""
What rules for alerts cost: 50 rules a line, in this process; and a hub at full load, with and without them.

    python -m bench.rules                   (a minute)
    python -m bench.rules --hub             (a minute; needs redis-server and a C compiler)

The rules are a hard mix: ten compare numbers, ten ask for levels, thirty look for texts and expressions.
"""

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import click

from bench.native.programs import Programs, build
from bench.procs import thread_cpu_seconds
from sse_hub.alerts.placed_line import PlacedLine
from sse_hub.alerts.rule import parse_rule
from sse_hub.alerts.rule_state import RuleState
from sse_hub.alerts.working_rules import WorkingRules
from sse_hub.formats.reader import read_line
from tests.support.metrics import scrape
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server

NUMBERS = (
    *("status>=500", "status>=400", "status=503", "duration_ms>1000", "duration_ms>5000", "duration_ms>=250"),
    *("bytes>1000000", "status>499 path~^/api", "retries>3", "queue>=900"),
)
LEVELS = (
    *("level>=error", "level>=warn", "level=fatal", "level=error logger=shop.db", "level=warn", "level>error"),
    *("level>=error user=u7", "level>=warn -timeout", "level=error,fatal", "level>=error msg~refused"),
)
TEXTS = (
    *("timeout", '"connection refused"', "/time(d )?out/", "payment", "user=u7", "user=u9913", "msg~declined"),
    *("logger=shop.ghost", "/disk (full|failing)/i", "oom", "OutOfMemory", '"no space left"', "/dead(lock|line)/"),
    *("certificate", "path~^/admin", "trace_id=abcdef", "service=billing", "/retry [0-9]+ of/", "quota", "login"),
    *('"rate limit"', "password", "panic", "segfault", "/code=[0-9]{3}/", "region=eu-9", "tenant=t77", "version=9.9"),
    *("/[a-z]+_failed/", "unreachable"),
)
HARD_MIX = (*NUMBERS, *LEVELS, *TEXTS)
NEVER = tuple(f'"never seen {number}"' for number in range(50))
CHANNEL = "shop.api"
PROBE = "shop.probe"
LINES = 1_000
PROBES_PER_SECOND = 50


class LineMaker:
    """Lines of a small shop, by chance, but the same each time. A fifth is of another level than `info`."""

    def __init__(self) -> None:
        self._random = random.Random(3)

    def json(self, number: int) -> str:
        chance = self._random
        words = ("order placed", "cache miss", "request done", "user signed in", "connection reset", "row updated")
        members = {
            "time": f"2026-11-30T10:00:{number % 60:02}.{number % 1000:03}Z",
            "level": self._level(),
            "logger": chance.choice(("shop.api", "shop.db", "shop.cart")),
            "msg": chance.choice(words),
            "user": f"u{chance.randrange(5_000)}",
            "path": f"/items/{chance.randrange(900)}",
            "status": self._status(),
            "duration_ms": self._duration(),
            "bytes": chance.randrange(9_000),
        }
        return json.dumps(members)

    def access_log(self, number: int) -> str:
        request = f"GET /items/{self._random.randrange(900)} HTTP/1.1"
        size, agent = self._random.randrange(90_000), "Mozilla/5.0 (X11; Linux x86_64)"
        when = f"30/Nov/2026:10:00:{number % 60:02} +0000"
        return f'203.0.113.{number % 250} - - [{when}] "{request}" {self._status()} {size} "-" "{agent}"'

    def text(self, number: int) -> str:
        moment, level = f"2026-11-30 10:00:{number % 60:02},{number % 1000:03}", self._level().upper()
        return f"{moment} {level} shop.api: {self._message()} item {self._random.randrange(900)} in 120 ms"

    def pairs(self, number: int) -> str:
        moment = f"2026-11-30T10:00:{number % 60:02}.{number % 1000:03}Z"
        figures = f"status={self._status()} duration_ms={self._duration()} bytes={self._random.randrange(9_000)}"
        return f'time={moment} level={self._level()} msg="{self._message()}" path=/items/7 {figures}'

    def syslog(self, number: int) -> str:
        return f"Nov 30 10:00:{number % 60:02} web-1 app[{number % 900}]: {self._message()}"

    def _level(self) -> str:
        return self._random.choices(("info", "debug", "warn", "error"), (80, 7, 8, 5))[0]

    def _status(self) -> int:
        return 200 if self._random.random() < 0.9 else self._random.choice((301, 404, 500, 503))

    def _duration(self) -> int:
        return self._random.choice((3, 12, 40, 120, 240, 300 if self._random.random() < 0.2 else 80))

    def _message(self) -> str:
        what = self._random.choice(("order placed", "cache miss", "request done", "user signed in"))
        return f"{what} for u{self._random.randrange(5_000)}"


def lines_of_all_kinds() -> dict[str, list[str]]:
    """LINES lines of each format, by its title."""
    makers = {
        "JSON": LineMaker.json,
        "access log of nginx": LineMaker.access_log,
        "text with a time and a level": LineMaker.text,
        "key=value pairs": LineMaker.pairs,
        "syslog without a level": LineMaker.syslog,
    }
    return {title: [make(maker, n) for n in range(LINES)] for title, make in makers.items() if (maker := LineMaker())}


def microseconds(work: Callable[[], object], rounds: int) -> float:
    """The CPU of `work` for each of LINES lines, in µs: the least of some rounds."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found) / LINES * 1e6


def evaluation_us(filters: Sequence[str], lines: Sequence[str], rounds: int) -> tuple[float, float]:
    """What rules with these filters cost a line, in µs, and how many of them match one."""
    table = {"channels": ["*"], "when": "count", "count": 100_000, "within": "1m"}
    states = [RuleState(parse_rule(f"r{n}", table | {"filter": text}), 0) for n, text in enumerate(filters)]
    rules = WorkingRules(states, 0)
    placed = [PlacedLine(1_000, n, CHANNEL, line.encode(), 1_000_000) for n, line in enumerate(lines)]

    def evaluate() -> None:
        for line in placed:
            rules.feed(line)

    cost = microseconds(evaluate, rounds)
    return cost, sum(state.matches for state in states) / rounds / len(lines)


def read_all(lines: Iterable[str]) -> None:
    for line in lines:
        read_line(line, 1_000)


def print_mix(rounds: int) -> None:
    """Print what the mix costs a line of each format, and what reading its record does."""
    click.echo(f"{'µs a line':30} {'hard mix':>9} {'matches':>8} {'record':>7} {'no match':>9}")
    for title, lines in lines_of_all_kinds().items():
        hard, matches = evaluation_us(HARD_MIX, lines, rounds)
        never, _ = evaluation_us(NEVER, lines, rounds)
        record = microseconds(partial(read_all, lines), 3)
        size = sum(map(len, lines)) // len(lines)
        click.echo(f"{f'{title}, {size} bytes':30} {hard:9.1f} {matches:8.2f} {record:7.1f} {never:9.1f}")


@contextmanager
def busy(server: RedisServer, rate: int) -> Iterator[None]:
    """`rate` lines of JSON a second, on five channels, for the duration of the block."""
    stopped, lines = Event(), lines_of_all_kinds()["JSON"]

    def publish() -> None:
        with server.publisher() as client:
            began, sent = time.monotonic(), 0
            while not stopped.wait(0.004):
                due = int((time.monotonic() - began) * rate)
                pipe = client.pipeline(transaction=False)
                for number in range(sent, due):
                    pipe.publish(f"shop.{number % 5}", lines[number % LINES])
                pipe.execute()
                sent = due

    thread = Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def print_hub(programs: Programs, rounds: int, rate: int, seconds: float) -> None:
    """Print what a hub uses, and how late the lines of another channel come, with the rules and without."""
    click.echo(f"{'':14} {'µs a line':>9} {'of a core':>10} {'behind s':>9} {'p50 ms':>7} {'p99 ms':>7}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sse-hub-bench-")))
        (folder / "rules.toml").write_text(rules_file(), encoding="utf-8")
        subjects = []
        for title, options in (("without rules", ()), ("50 rules", ("--rules", str(folder / "rules.toml")))):
            server = stack.enter_context(redis_server())
            hub = stack.enter_context(hub_process(server.url, *options))
            hub.wait_recording()
            subjects.append((title, server, hub))
        for _ in range(rounds):
            for title, server, hub in subjects:
                click.echo(f"{title:14} {hub_figures(programs, server, hub, rate, seconds)}")


def hub_figures(programs: Programs, server: RedisServer, hub: HubProcess, rate: int, seconds: float) -> str:
    """One measurement, as the cells of a row."""
    path, probes = f"/message?channel={PROBE}", int(seconds * PROBES_PER_SECOND)
    with (
        busy(server, rate),
        programs.run("load", port=hub.port, path=path, clients=1, channels=1, seconds=seconds + 5) as load,
    ):
        load.wait_for("READY", 30)
        began, before = time.monotonic(), thread_cpu_seconds(hub.process.pid)
        with programs.run("publish", port=server.port, channel=PROBE, count=probes, rate=PROBES_PER_SECOND) as probe:
            probe.report(seconds + 30)
        took, cpu = time.monotonic() - began, thread_cpu_seconds(hub.process.pid) - before
        behind = scrape(hub).get("sse_hub_rules_behind_seconds")
        latency = load.report(seconds + 30)["latency"]
    figures = f"{cpu / took / rate * 1e6:9.1f} {cpu / took:10.0%} {behind:9.1f}"
    return f"{figures} {latency['p50_ms']:7.1f} {latency['p99_ms']:7.1f}"


def rules_file() -> str:
    """The hard mix as a file of rules. JSON's texts are those of TOML, too."""
    head = 'channels = ["shop.*"]\nwhen = "count"\ncount = 100000\nwithin = "1m"\n'
    return "\n".join(f"[rules.r{n}]\n{head}filter = {json.dumps(text)}\n" for n, text in enumerate(HARD_MIX))


@click.command(context_settings={"show_default": True})
@click.option("--hub", is_flag=True, help="Measure a hub with these rules and one without.")
@click.option("--rounds", default=20, help="Measurements of each; with --hub, a quarter of them.")
@click.option("--rate", default=10_000, help="With --hub: lines per second.")
@click.option("--seconds", default=7.0, help="With --hub: length of each measurement.")
def main(hub: bool, rounds: int, rate: int, seconds: float) -> None:
    """Measure and print a table."""
    if not hub:
        print_mix(rounds)
        return
    with TemporaryDirectory(prefix="sse-hub-bench-") as folder:
        print_hub(build(Path(folder)), max(1, rounds // 4), rate, seconds)


if __name__ == "__main__":
    main()
