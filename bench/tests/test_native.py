"""The load client finds what is wrong with a stream that a plain socket sends it."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from bench.native.programs import Programs, build

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
SECONDS = 20.0


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return build(tmp_path_factory.mktemp("native"))


def event(id: str, number: int, publisher: int = 0) -> str:
    return f'id: {id}\nevent: message\ndata: {{"t":1,"n":{number},"p":{publisher},"level":"info"}}\n\n'


@contextmanager
def serving(*events: str) -> Iterator[int]:
    """A port at which each connection gets `events`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall((HEAD + "".join(events)).encode())

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


def loaded(programs: Programs, events: Sequence[str]) -> dict[str, Any]:
    """The report of the load client on one client that gets `events`."""
    with serving(*events) as port, programs.run("load", port=port, publishers=2, ids=1, seconds=SECONDS) as load:
        return load.report(SECONDS)


GOOD = [event("7-1", 0), event("7-2", 0, 1), event("9-1", 1), event("9-2", 1, 1)]


def test_a_whole_stream_of_two_publishers_has_no_fault(programs: Programs) -> None:
    report = loaded(programs, GOOD)

    faults = {name: report[name] for name in ("missing", "duplicates", "reordered", "gaps", "jumps")}
    assert (report["delivered"], set(faults.values())) == (4, {0}), faults
    assert [(each["first"], each["last"]) for each in report["ids"]] == [("7-1", "9-2")]


def test_events_without_a_line_are_no_lines(programs: Programs) -> None:
    others = ["id: 8-0\nevent: checkpoint\ndata: {}\n\n", 'id: 8-0\nevent: gap\ndata: {"lost":1}\n\n']
    report = loaded(programs, [*GOOD[:2], *others, *GOOD[2:]])

    assert (report["gaps"], report["jumps"]) == (1, 0)
    assert report["ids"] == loaded(programs, GOOD)["ids"]


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([GOOD[0], GOOD[2]], "missing"),
        ([*GOOD, event("9-3", 1)], "duplicates"),
        ([event("7-1", 1), event("7-2", 0)], "reordered"),
        ([event("7-1", 0), event("7-3", 1)], "jumps"),
        ([event("7-1", 0), event("8-2", 1)], "jumps"),
        ([event("7-1", 0), event("6-1", 1)], "jumps"),
        ([event("7-1", 0), event("7-1", 1)], "jumps"),
    ],
    ids=[
        "missing",
        "twice",
        "out of order",
        "an id left out",
        "not the first of a fence",
        "a fence back",
        "an id twice",
    ],
)
def test_each_fault_is_counted(programs: Programs, events: list[str], fault: str) -> None:
    report = loaded(programs, events)

    # Without --lines, only what lies before the highest number is known to be missing.
    if fault == "missing":
        with serving(*events) as port, programs.run("load", port=port, publishers=2, lines=4, seconds=SECONDS) as load:
            report = load.report(SECONDS)
    assert report[fault] == (2 if fault == "missing" else 1), report


@pytest.mark.parametrize(
    "other", [event("9-2", 1, 0), event("9-3", 1, 1), event("10-2", 1, 1)], ids=["text", "number", "fence"]
)
def test_another_line_or_id_gives_another_digest(programs: Programs, other: str) -> None:
    [good], [changed] = loaded(programs, GOOD)["ids"], loaded(programs, [*GOOD[:-1], other])["ids"]

    assert good["digest"] != changed["digest"]
