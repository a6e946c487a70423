"""
C7: what belongs together is one record, and no line before or after it is swallowed.

The traces in tests/fixtures/joining.json were written by the programs that their names begin with, or have the form
that their documentation shows. The page's machine is tested with the same file in tests/unit/page/joining.test.mjs.
"""

import json
import re
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.formats.joining import RULES, Joiner, LineJoiner, StartJoiner
from tests.support.settings import ROOT

TRACES = json.loads((ROOT / "tests" / "fixtures" / "joining.json").read_text())
CASES = json.loads((ROOT / "tests" / "fixtures" / "joining-lines.json").read_text())
# Nothing tells the last lines of these from other lines: notes on an exception, and a message without a trace.
NOT_TOLD = {"python-notes", "ruby-multi"}
BOTH = ["hello before", "2026-11-21 03:50:17,780 - shop - INFO - before", '{"level":"info","msg":"before"}']


def records(lines: list[str], joiner: LineJoiner | None = None) -> list[list[str]]:
    """The lines, joined, without records that are blank."""
    joiner = joiner or Joiner()
    verdicts = [verdict for line in lines for verdict in joiner.add(line.encode())] + joiner.end()
    starts = [at for at, begins in enumerate(verdicts) if begins]
    assert len(verdicts) == len(lines)
    assert not lines or starts[0] == 0
    found = [lines[start:end] for start, end in pairwise([*starts, len(lines)])]
    return [record for record in found if "".join(record).strip()]


def test_c7_a_trace_is_one_record_between_other_lines() -> None:
    told = [trace for trace in TRACES if trace["name"] not in NOT_TOLD]
    wrong = []
    for trace in told:
        for at, after in enumerate(CASES["ordinary"]):
            before = BOTH[at % len(BOTH)]
            found = records([before, *trace["lines"], after, "and on"])
            if found[0] != [before] or found[-2:] != [[after], ["and on"]] or len(found) != trace["records"] + 3:
                wrong.append((trace["name"], before, after))

    assert len(told) >= 303
    assert wrong == []


@pytest.mark.parametrize("lines", CASES["joined"])
def test_c7_lines_that_belong_together_are_one_record(lines: list[str]) -> None:
    assert records([*lines, "2026-11-21 03:50:19 INFO next"])[0] == lines


@pytest.mark.parametrize("lines", CASES["apart"])
def test_c7_lines_that_do_not_belong_together_are_records_of_their_own(lines: list[str]) -> None:
    assert records(lines) == [[line] for line in lines]


def test_c8_a_java_exception_belongs_to_the_error_before_it() -> None:
    trace = ["java.lang.IllegalStateException: no price", "\tat shop.Pay.pay(Pay.java:41)", "\t... 3 more"]
    error, info = "03:50:18.780 [main] ERROR shop.Pay - failed", "03:50:18.780 [main] INFO shop.Pay - started"

    assert records([error, *trace]) == [[error, *trace]]
    # An exception that nobody caught is not part of what the app logged last.
    assert records([info, *trace]) == [[info], trace]


def test_m3_with_an_expression_each_match_begins_a_record() -> None:
    joiner = StartJoiner(re.compile(r"^\d{4}-"))
    lines = ["first", "2026-11-21 a", "b", "", "c", "2026-11-22 d", "x" * 5_000 + "2026-"]

    assert records(lines, joiner) == [lines[:1], lines[1:5], lines[5:]]


def test_m3_a_record_has_at_most_as_many_lines_as_the_rules_allow() -> None:
    limit = json.loads(RULES.read_text())["limits"]["lines"]

    found = records(["x"] * (limit + 1), StartJoiner(re.compile("never")))

    assert list(map(len, found)) == [limit, 1]
    assert max(map(len, records(["panic: x", *["\tf"] * 3 * limit]))) == limit


@given(st.lists(st.sampled_from([line for trace in TRACES for line in trace["lines"]] + CASES["ordinary"] + BOTH)))
def test_every_line_has_one_verdict(lines: list[str]) -> None:
    joiner = Joiner()
    verdicts = [verdict for line in lines for verdict in joiner.add(line.encode())]
    assert len(verdicts + joiner.end()) == len(lines)


HOSTILE = [
    "(",
    " ",
    "\t",
    "a.",
    "a:",
    "[",
    "#0 ",
    "A",
    "\\",
    '"',
    "=",
    "-",
    "0",
    "1 ",
    ":1",
    "at ",
    "{",
    "…",
    "\x1b[",
    "A::",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_c1_any_line_costs_little(piece: str) -> None:
    begun = time.process_time()
    for head in ("x", "ERROR x", "panic: x", "thread 'main' panicked at a:1:2:", "Traceback (most recent call last)"):
        records([head, *[piece * (1_000_000 // len(piece)), piece * 1_000] * 5])

    # 50 lines: each is looked at for 1,000 characters only.
    assert time.process_time() - begun < 2
