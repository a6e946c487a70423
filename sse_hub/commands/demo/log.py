"""
Channel `log`: lines as an application that logs with loguru would publish them.

    scene --> messages --> loguru_line() --> {"info": "<line>"}

The text is formatted here: loguru has one logger for the whole process, which belongs to the app around the hub.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random
from typing import NamedTuple

from sse_hub.commands.demo.failure import PaymentFailed, average_ms, charge, traceback_text
from sse_hub.commands.demo.step import Clock, Step, Steps, json_line

CHANNEL = "log"
LINES_PER_SECOND = 3.0
LONGEST_PAUSE_SECONDS = 4.0


class Message(NamedTuple):
    """What a scene logs, and the number of the source line that would have logged it."""

    level: str
    line_number: int
    text: str


Scene = Callable[[Random], Iterator[Message]]


def loguru_line(time: datetime, level: str, place: str, text: str) -> str:
    """A line in loguru's default format without colours; `place` is `module:function:line`, and `time` is local."""
    return f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03d} | {level: <8} | {place} - {text}"


def visit(chance: Random) -> Iterator[Message]:
    visit_id = chance.randint(1000, 9999)
    yield Message("TRACE", 24, f"headers: accept=text/html | language={chance.choice(('zh-CN', 'de', 'en;q=0.8'))}")
    yield Message("INFO", 27, f"Visit 新增 id {visit_id}")
    if chance.random() < 0.3:
        yield Message(
            "SUCCESS", 31, f"Visit {visit_id} became a sale - {chance.uniform(5, 250):.2f} EUR | thank you ☕"
        )


def query(chance: Random) -> Iterator[Message]:
    taken_ms = chance.lognormvariate(3.5, 1.5)
    statement = chance.choice(("SELECT * FROM visit WHERE id = ?", "UPDATE basket SET state = 'a' || 'b'"))
    if taken_ms > 200:
        yield Message("WARNING", 41, f"Slow query - {taken_ms:.0f} ms | {statement}")
    else:
        yield Message("DEBUG", 43, f"{statement} - {taken_ms:.1f} ms")


def login(chance: Random) -> Iterator[Message]:
    user = chance.choice(("ana", "björn", "小明", "o'neill", "<guest>"))
    if chance.random() < 0.2:
        yield Message("WARNING", 88, f"Login of {user} refused - wrong password | attempt {chance.randint(1, 5)}")
    else:
        yield Message("INFO", 90, f"Login of {user} - session {chance.getrandbits(32):08x}")


def capture(chance: Random) -> Iterator[Message]:
    order_id = chance.randint(10_000, 99_999)
    try:
        charge(order_id, chance.uniform(5, 250))
    except PaymentFailed as error:
        yield _exception(57, f"Order {order_id} is not paid", error)


def report(chance: Random) -> Iterator[Message]:
    hour = chance.randint(0, 22)
    try:
        average_ms([])
    except ZeroDivisionError as error:
        yield _exception(102, f"No report for {hour:02d}:00 - {hour + 1:02d}:00", error)


def disk(chance: Random) -> Iterator[Message]:
    yield Message("ERROR", 140, f"Backup to s3://shop|backup failed - {chance.randint(1, 40)} files left")
    yield Message("CRITICAL", 144, f"Disk {chance.uniform(97, 99.9):.1f} % full - /var/lib/shop")


# The module that logs, what it logs, and how often.
SCENES: tuple[tuple[str, Scene, float], ...] = (
    ("shop.web", visit, 35), ("shop.db", query, 40), ("shop.auth", login, 18),
    ("shop.pay", capture, 3), ("shop.jobs", report, 2), ("shop.jobs", disk, 2),
)  # fmt: skip


def log_steps(chance: Random, clock: Clock) -> Steps:
    """Scene after scene, for ever, at LINES_PER_SECOND on average."""
    weights = [weight for _, _, weight in SCENES]
    while True:
        module, scene, _ = chance.choices(SCENES, weights)[0]
        lines = [
            loguru_line(clock().astimezone(), level, f"{module}:{scene.__name__}:{line_number}", text)
            for level, line_number, text in scene(chance)
        ]
        pause_seconds = min(chance.expovariate(LINES_PER_SECOND / len(lines)), LONGEST_PAUSE_SECONDS)
        for line in lines:
            yield Step(CHANNEL, json_line({"info": line}), pause_seconds if line is lines[-1] else 0.0)


def _exception(line_number: int, text: str, error: BaseException) -> Message:
    # As loguru prints it with backtrace=False and diagnose=False.
    return Message("ERROR", line_number, f"{text}\n{traceback_text(error)}")
