"""
Our own publishers while the partition moves to other servers: those that promise each line once keep that promise, and
what the others lose is told by gaps.
"""

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from sse_hub.logging import RedisHandler
from tests.support.cli import running_command
from tests.support.fault_setups import Setup, cluster_setup, sentinel_setup
from tests.support.numbered_judge import Gap, Got, History, Number, Sent, judge
from tests.support.oracle import Shape
from tests.support.programs import clean_environ
from tests.support.recording_hubs import EVERY_LINE
from tests.support.roaming_clients import RoamingClient, paged, roaming
from tests.support.servers import HubProcess, hub_processes
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.waiting import wait_until

LINES_PER_SECOND = 100
# Lines between two faults, and after the last.
LINES = 100
EXACT = ("durable", "ship")
CHANNELS = [*EXACT, "handler", "publish"]

SetupOf = Callable[[], AbstractContextManager[Setup]]
on_both = pytest.mark.parametrize("setup_of", [sentinel_setup, cluster_setup], ids=["sentinel", "cluster"])


class Apps:
    """Apps that log numbered lines, each by another publisher to the channel of that name, until `stopped` is set."""

    def __init__(self, setup: Setup, file: Path, piped: "subprocess.Popen[str]") -> None:
        self.sent: list[Sent] = []
        self.stopped = Event()
        self.handlers = {
            "durable": RedisHandler(setup.url, "durable", durable=True, exit_seconds=DEADLINE_SECONDS),
            "handler": RedisHandler(setup.publisher_url, "handler", exit_seconds=DEADLINE_SECONDS),
        }
        self._file = file
        self._piped = piped

    def run(self) -> None:
        seq = 0
        with open(self._file, "a", buffering=1) as file:
            writes = {"ship": file, "publish": self._piped.stdin}
            while not self.stopped.wait(1 / LINES_PER_SECOND):
                seq += 1
                for channel in CHANNELS:
                    self.sent.append(Sent(Number(channel, channel, seq), time.monotonic(), False))
                    record = {"publisher": channel, "seq": seq}
                    if handler := self.handlers.get(channel):
                        handler.handle(logging.makeLogRecord({"msg": "x", **record}))
                    elif written := writes[channel]:
                        written.write(json.dumps(record) + "\n")
                        written.flush()

    def wait_lines(self, count: int) -> None:
        """Return when each has logged `count` more lines."""
        until = len(self.sent) + count * len(CHANNELS)
        wait_until(lambda: len(self.sent) >= until, f"{count} more lines are logged")


@contextmanager
def running_apps(setup: Setup, folder: Path) -> Iterator[Apps]:
    """All apps and their publishers, for the duration of the block."""
    file = folder / "app.log"
    file.touch()
    ship = ("ship", "--redis-url", setup.url, "--channel", "ship", "--registry", str(folder / "positions"))
    publish = (sys.executable, "-m", "sse_hub.cli", "publish", "--redis-url", setup.publisher_url, "publish")
    with ExitStack() as stack:
        stack.enter_context(running_command(folder / "ship.out", *ship, "--from-start", str(file)))
        piped = stack.enter_context(
            subprocess.Popen(publish, stdin=subprocess.PIPE, text=True, env=clean_environ(), cwd=ROOT)
        )
        apps = Apps(setup, file, piped)
        thread = Thread(target=apps.run)
        thread.start()
        try:
            yield apps
        finally:
            apps.stopped.set()
            thread.join()
            for handler in apps.handlers.values():
                handler.close()
            piped.communicate(timeout=DEADLINE_SECONDS)


def break_and_mend(setup: Setup, apps: Apps, hubs: list[HubProcess]) -> None:
    for fault in setup.faults.values():
        apps.wait_lines(LINES)
        fault()
        for hub in hubs:
            hub.wait_ready()
        hubs[0].wait_recording()
    apps.wait_lines(LINES)


@on_both
async def test_our_publishers_keep_their_promises_while_the_partition_moves(setup_of: SetupOf, tmp_path: Path) -> None:
    with setup_of() as setup, hub_processes(2, setup.hub_url, *EVERY_LINE) as hubs:
        hubs[0].wait_recording()
        client = RoamingClient("client", hubs, Shape(CHANNELS))
        async with roaming(client):
            with running_apps(setup, tmp_path) as apps:
                await asyncio.to_thread(break_and_mend, setup, apps, hubs)
                apps.stopped.set()
                last = [apps.sent[-1].number.seq] * len(CHANNELS)
                await asyncio.to_thread(
                    wait_until, lambda: last_seqs(client) == last, f"the client has the lines {last}"
                )
        log = paged(hubs[1], CHANNELS, str(client.history.begin))
        told = [gap.reason for gap in client.history.gaps]

        # What a killed primary's replicas lacked is published again, with the same `line_id`: those come twice, live.
        client.history.items = without_lost_copies(client.history, log)
        # What is lost live is told, and no other line comes twice.
        sent = apps.sent + name_reports(client.history)
        verdict = judge(sent, [client.history])
        assert verdict.holds, f"{verdict} {told}"
        # The log has all that was promised, once and in order.
        for channel in EXACT:
            seqs = [line.number.seq for line in log.lines if line.channel == channel]
            assert seqs == list(range(1, last[0] + 1)), f"{channel}: {wrong_in(seqs)} {told}"
        assert verdict.owed > LINES * len(CHANNELS) * len(setup.faults)
        counts = apps.handlers["handler"].counts
        assert (counts.dropped, counts.waiting) == (0, 0)


def without_lost_copies(history: History, log: History) -> list[Got | Gap]:
    """The items of `history` but for lines of EXACT that came again later, and whose first copy is not in `log`."""
    kept = {(line.channel, line.id) for line in log.lines}
    last = {(line.channel, line.number): line.id for line in history.lines if not is_report(line)}

    def lost(item: Got | Gap) -> bool:
        if not isinstance(item, Got) or item.channel not in EXACT or is_report(item):
            return False
        return item.id != last[item.channel, item.number] and (item.channel, item.id) not in kept

    return [item for item in history.items if not lost(item)]


def name_reports(history: History) -> list[Sent]:
    """The handler's reports of lines that may be lost, which get numbers of their own, as if an app had logged them."""
    sent: list[Sent] = []
    for at, item in enumerate(history.items):
        if isinstance(item, Got) and is_report(item):
            number = Number("reports", item.channel, len(sent) + 1)
            history.items[at] = Got(item.channel, item.id, json.dumps({"publisher": "reports", "seq": number.seq}))
            sent.append(Sent(number, time.monotonic(), False))
    return sent


def is_report(line: Got) -> bool:
    return '"logger":"sse_hub.logging"' in line.text


def last_seqs(client: RoamingClient) -> list[int]:
    """The newest line that `client` has of each channel."""
    return [
        max(
            (line.number.seq for line in client.history.lines if line.channel == channel and not is_report(line)),
            default=0,
        )
        for channel in CHANNELS
    ]


def wrong_in(seqs: list[int]) -> str:
    """What differs from the numbers from 1 on."""
    missing = sorted(set(range(1, max(seqs, default=0) + 1)) - set(seqs))
    return f"missing {missing[:20]}, twice {sorted({each for each in seqs if seqs.count(each) > 1})[:20]}"
