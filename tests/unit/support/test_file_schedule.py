"""Which process gets which file of tests, with processes that only note what they are given."""

from dataclasses import dataclass, field
from types import SimpleNamespace

from tests.support.file_schedule import MOST_CALM_AT_A_TIME, FileSchedule, is_calm

FILES = {
    "tests/unit/test_many.py": 90,
    "tests/unit/test_few.py": 2,
    "tests/integration/http/test_page.py": 5,
    "tests/integration/recording/test_one.py": 1,
    "tests/integration/cluster/test_a.py": 3,
    "tests/integration/sentinel/test_b.py": 2,
    "tests/integration/sentinel/test_c.py": 1,
    "tests/integration/failover/test_d.py": 4,
}
TESTS = [f"{file}::test_{number}" for file, count in FILES.items() for number in range(count)]


@dataclass(eq=False)
class Process:
    """What a process of pytest-xdist would run, as numbers of TESTS: all but the last one, until it has to end."""

    queue: list[int] = field(default_factory=list)
    shutting_down: bool = False
    gateway: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(id="one"))

    def send_runtest_some(self, tests: list[int]) -> None:
        self.queue += tests

    def shutdown(self) -> None:
        self.shutting_down = True

    @property
    def runs(self) -> str | None:
        """The file of the test that it runs."""
        begun = self.queue and (len(self.queue) > 1 or self.shutting_down)
        return TESTS[self.queue[0]].partition("::")[0] if begun else None


def run(count: int) -> tuple[list[str], list[list[str]]]:
    """`count` processes run TESTS in turns. Returns the tests in order, and the files that ran at the same time."""
    option = SimpleNamespace(loadscopereorder=True, dist="loadfile")
    config = SimpleNamespace(option=option, getvalue=lambda name: ["popen"] * count)
    schedule = FileSchedule(config)
    processes = [Process() for _ in range(count)]
    for each in processes:
        schedule.add_node(each)
        schedule.add_node_collection(each, TESTS)
    schedule.schedule()
    ended: list[str] = []
    together = []
    while schedule.has_pending:
        if schedule.tests_finished:
            for each in processes:
                each.shutdown()
        together.append([each.runs for each in processes if each.runs])
        assert together[-1], "nobody runs a test"
        for each in processes:
            if each.runs:
                test = each.queue.pop(0)
                ended.append(TESTS[test])
                schedule.mark_test_complete(each, test)
    return ended, together


def test_every_test_runs_once_whatever_the_number_of_processes() -> None:
    for count in range(1, 13):
        ended, _ = run(count)

        assert sorted(ended) == sorted(TESTS)


def test_the_longest_file_begins_first() -> None:
    ended, _ = run(1)

    begun = list(dict.fromkeys(test.partition("::")[0] for test in ended))
    assert [begun[0], begun[-1]] == ["tests/integration/failover/test_d.py", "tests/unit/test_few.py"]


def test_few_files_run_at_a_time_that_need_a_calm_machine() -> None:
    _, together = run(4)

    assert max(sum(map(is_calm, files)) for files in together) == MOST_CALM_AT_A_TIME
    assert max(len(files) for files in together) == 4
