"""
Channel `log`: what an application that logs with loguru would publish.

    scene --> loguru, its usual format --> sink --> lines --> {"info": "<line>"}
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING

from loguru import logger as everybodys_logger

from sse_hub.commands.demo.failure import PaymentFailed, average_ms, charge
from sse_hub.commands.demo.step import Step, Steps, json_line

if TYPE_CHECKING:
    from loguru import Logger, Record

CHANNEL = "log"
LINE_FORMAT = "{time:YYYY-MM-DD HH:mm:ss.SSS} | {level: <8} | {name}:{function}:{line} - {message}"
LINES_PER_SECOND = 3.0
LONGEST_PAUSE_SECONDS = 4.0
MOST_LINES_WAITING = 100


@contextmanager
def own_logger(lines: deque[str]) -> Iterator["Logger"]:
    """A loguru logger that writes into `lines` only, and whose lines go nowhere else."""
    # loguru has one logger for the whole process, and gives every line to every sink. Its documented ways out change
    # other people's sinks: remove them all (then deepcopy), or filter each; the one on stderr, there from the start,
    # would print the demo. So: bind() for an own object, with an own core (levels, sinks), the one private name here.
    logger = everybodys_logger.bind()
    logger._core = type(logger._core)()  # type: ignore[attr-defined]
    # No backtrace: it would show how the hub came here. All is said that loguru's variables could change.
    handler_id = logger.add(
        lambda message: lines.append(message.rstrip("\n")),
        level="TRACE", format=LINE_FORMAT, filter=None, colorize=False, serialize=False,
        backtrace=False, diagnose=True, enqueue=False, catch=False,
    )  # fmt: skip
    try:
        yield logger
    finally:
        logger.remove(handler_id)


def visit(log: "Logger", chance: Random) -> None:
    visit_id = chance.randint(1000, 9999)
    log.trace("headers: accept=text/html | language={}", chance.choice(("zh-CN", "de", "en;q=0.8")))
    log.info("Visit 新增 id {}", visit_id)
    if chance.random() < 0.3:
        log.success("Visit {} became a sale - {:.2f} EUR | thank you ☕", visit_id, chance.uniform(5, 250))


def query(log: "Logger", chance: Random) -> None:
    taken_ms = chance.lognormvariate(3.5, 1.5)
    statement = chance.choice(("SELECT * FROM visit WHERE id = ?", "UPDATE basket SET state = 'a' || 'b'"))
    if taken_ms > 200:
        log.warning("Slow query - {:.0f} ms | {}", taken_ms, statement)
    else:
        log.debug("{} - {:.1f} ms", statement, taken_ms)


def login(log: "Logger", chance: Random) -> None:
    user = chance.choice(("ana", "björn", "小明", "o'neill", "<guest>"))
    if chance.random() < 0.2:
        log.warning("Login of {} refused - wrong password | attempt {}", user, chance.randint(1, 5))
    else:
        log.info("Login of {} - session {:08x}", user, chance.getrandbits(32))


def capture(log: "Logger", chance: Random) -> None:
    order_id = chance.randint(10_000, 99_999)
    try:
        charge(order_id, chance.uniform(5, 250))
    except PaymentFailed:
        log.exception("Order {} is not paid", order_id)


def report(log: "Logger", chance: Random) -> None:
    hour = chance.randint(0, 22)
    try:
        average_ms([])
    except ZeroDivisionError:
        log.exception("No report for {:02d}:00 - {:02d}:00", hour, hour + 1)


def disk(log: "Logger", chance: Random) -> None:
    log.error("Backup to s3://shop|backup failed - {} files left", chance.randint(1, 40))
    log.critical("Disk {:.1f} % full - /var/lib/shop", chance.uniform(97, 99.9))


# Who speaks (the module in the line), how, and how often.
SCENES: tuple[tuple[str, Callable[["Logger", Random], None], float], ...] = (
    ("shop.web", visit, 35), ("shop.db", query, 40), ("shop.auth", login, 18),
    ("shop.pay", capture, 3), ("shop.jobs", report, 2), ("shop.jobs", disk, 2),
)  # fmt: skip


def log_steps(chance: Random) -> Steps:
    """Scene after scene, for ever; loguru takes the time of each line itself."""
    weights = [weight for _, _, weight in SCENES]
    lines: deque[str] = deque(maxlen=MOST_LINES_WAITING)
    with own_logger(lines) as logger:
        while True:
            name, scene, _ = chance.choices(SCENES, weights)[0]
            scene(logger.patch(_speaking_as(name)), chance)
            pause_seconds = min(chance.expovariate(LINES_PER_SECOND / len(lines)), LONGEST_PAUSE_SECONDS)
            while lines:
                line = lines.popleft()
                yield Step(CHANNEL, json_line({"info": line}), 0.0 if lines else pause_seconds)


def _speaking_as(name: str) -> Callable[["Record"], None]:
    def patch(record: "Record") -> None:
        record["name"] = name

    return patch
