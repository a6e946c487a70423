"""
Pictures of every state of the page, dark and light, wide and on a phone, to be looked at: `make screenshots`.

    python -m tests.browser.screenshots FOLDER [NAME…]     all of them, or those whose names begin like this
"""

import json
import random
import re
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from sse_hub.protocol.ids import iso_time
from tests.support.browser_page import Publish, open_page, palette, scroll_up, stream_of, wait_received
from tests.support.chromium import CHROMIUM_OPTIONS, chromium
from tests.support.programs import valkey_binary
from tests.support.servers import HubProcess, hub_process, redis_server

SIZES = {"wide": (1280, 800), "phone": (360, 740)}
SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
FENCE = 1_795_233_018_000
CHANNELS = ("shop.api", "shop.orders", "shop.mail")


@dataclass
class Scene:
    """What a picture is made with; `channel` has a few hundred lines of a shop."""

    page: Page
    hub: HubProcess
    publish: Publish
    channel: str = "shop.api"

    def open(self, *channels: str) -> None:
        """The page, live, with its lines."""
        open_page(self.page, self.hub, *(channels or (self.channel,)))
        expect(self.page.get_by_test_id("row").first).to_be_visible()

    def gap(self, reason: str, lost: int | None) -> None:
        """The page of a stream that has lines, then a gap, then lines."""
        rows = [[f"{FENCE}-{n}", self.channel, line] for n, line in enumerate(shop_lines(0, 40), 1)]
        gap = {
            "channel": self.channel,
            "after": f"{FENCE}-20",
            "before": f"{FENCE + 2_000}-0",
            "lost": lost,
            "reason": reason,
        }
        frames = [
            f"event: lines\ndata: {json.dumps(rows[:20])}\n\n",
            f"event: gap\ndata: {json.dumps(gap)}\n\n",
            f"event: lines\ndata: {json.dumps(rows[20:])}\n\n",
        ]
        self.page.route("**/message?*", stream_of(*frames))
        self.page.goto(f"{self.hub.url}/index?channel={self.channel}")
        expect(self.page.get_by_test_id("gap")).to_be_visible()


def shop_lines(first: int, count: int) -> list[str]:
    """What a small shop logs."""
    chance = random.Random(first)
    lines = []
    for n in range(first, first + count):
        stamp = int(time.time() * 1_000) - (first + count - n) * 230
        user, took, order = f"u{chance.randrange(1, 9)}", chance.randrange(4, 900), 8_300 + n
        status = chance.choice((200, 200, 200, 201, 304, 404, 503))
        common = {"time": stamp, "pid": 7, "trace_id": f"{order:08x}a3f1"}
        message, more, level = chance.choice(
            (
                (f"GET /orders/{order} {status} in {took}ms", {"user": user, "status": status, "took": took}, 30),
                (f"pedido {order} enviado para São Paulo", {"user": user}, 30),
                (f"order {order} paid", {"amount": took / 10, "user": user}, 30),
                ("cache miss", {"key": f"order:{order}"}, 20),
                (f"slow query: 812 ms > 500 ms on shard {n % 4}", {"table": "orders"}, 40),
            )
        )
        lines.append(
            json.dumps({"level": level, **common, "name": "shop.db", "msg": message, **more}, ensure_ascii=False)
        )
        if n % 37 == 20:
            stack = (
                'Traceback (most recent call last):\n  File "/srv/shop/pay.py", line 41, in pay\n    charge(order)\n'
                '  File "/usr/lib/site-packages/stripe/api.py", line 12, in charge\n    raise Timeout(seconds)\n'
                "TimeoutError: no answer within 2 s"
            )
            lines.append(
                json.dumps({**common, "level": 50, "name": "shop.pay", "msg": "payment failed", "exception": stack})
            )
    return lines


def select(scene: Scene, text: str = "payment failed") -> None:
    """Open the details of the last line that says this."""
    scene.page.get_by_test_id("row").filter(has_text=text).last.locator(".message").click()
    expect(scene.page.get_by_test_id("drawer")).to_be_visible()


def connecting(scene: Scene) -> None:
    """The hub has not answered yet."""
    scene.page.route("**/message?*", lambda route: None)
    scene.page.goto(f"{scene.hub.url}/index?channel={scene.channel}")
    expect(scene.page.locator(".app")).to_have_attribute("data-state", "connecting")
    scene.page.evaluate("() => new Promise((done) => setTimeout(done, 500))")


def live(scene: Scene) -> None:
    """Lines of one channel, followed."""
    scene.open()


def sharing(scene: Scene) -> None:
    """One of more tabs than may hold a stream of their own."""
    for channel in CHANNELS:
        tab = scene.page.context.new_page()
        tab.goto(f"{scene.hub.url}/index?channel={channel}")
        expect(tab.locator(".app")).to_have_attribute("data-state", "live")
    scene.open()
    expect(scene.page.get_by_test_id("state-detail")).not_to_be_empty()


def several(scene: Scene) -> None:
    """Three channels in one order, filtered, with the details of an error."""
    scene.open(*CHANNELS)
    if not phone(scene):
        select(scene)


def filtered(scene: Scene) -> None:
    """A filter with terms, and find."""
    scene.open(*CHANNELS)
    scene.page.get_by_test_id("filter").fill("level>=warn user:* OR slow")
    scene.page.keyboard.press("Enter")
    if not phone(scene):
        scene.page.get_by_test_id("grid").focus()
        scene.page.keyboard.press("/")
        scene.page.keyboard.type("ms")


def pinned(scene: Scene) -> None:
    """Only what passes the filter comes from the hub."""
    scene.open(*CHANNELS)
    scene.page.get_by_test_id("filter").fill("level>=warn")
    scene.page.get_by_test_id("pin-filter").click()
    expect(scene.page.get_by_test_id("pin-status")).not_to_be_empty()
    expect(scene.page.locator(".app")).to_have_attribute("data-state", "live")


def rule_form(scene: Scene) -> None:
    """A rule of the present filter, tried, with a mistake."""
    scene.open(*CHANNELS)
    scene.page.get_by_test_id("filter").fill("level>=error")
    palette(scene.page, "alert me about")
    scene.page.get_by_test_id("rule-test").click()
    expect(scene.page.get_by_test_id("trial-words")).to_contain_text("It would have made")
    scene.page.get_by_test_id("rule-id").fill("Not Small")
    scene.page.get_by_test_id("rule-save").click()
    expect(scene.page.get_by_test_id("rule-fault-id")).to_be_visible()


def rules(scene: Scene) -> None:
    """The rules of the hub."""
    scene.open()
    rule = {"channels": ["shop.*"], "filter": "level>=error", "when": "new", "by": ["channel"]}
    make = "([id, body]) => fetch(`rules/${id}`, {method: 'PUT', body, headers: {'If-None-Match': '*'}}).then(() => 0)"
    for id, more in {"new-error": {}, "paused": {"paused": True}}.items():
        scene.page.evaluate(make, [id, json.dumps(rule | more)])
    palette(scene.page, "rules for alerts")
    expect(scene.page.get_by_test_id("rule")).to_have_count(2)


def idle(scene: Scene) -> None:
    """Nothing has come for a while."""
    scene.page.clock.install()
    scene.open()
    scene.page.clock.run_for(12_000)


def paused(scene: Scene) -> None:
    """Lines have come since."""
    scene.open()
    scene.page.get_by_test_id("pause").click()
    scene.publish(scene.channel, shop_lines(5_000, 60))
    expect(scene.page.get_by_test_id("pill")).to_contain_text("new")


def scrolled(scene: Scene) -> None:
    """The reader looks at older lines."""
    scene.open()
    scroll_up(scene.page, 1_200)
    scene.publish(scene.channel, shop_lines(6_000, 30))
    expect(scene.page.get_by_test_id("pill")).to_contain_text("new")


def catching_up(scene: Scene) -> None:
    """Thousands of lines of before are on their way."""
    name = f"away.{random.randrange(10**6)}"
    scene.publish(name, shop_lines(0, 30))
    scene.open(name)
    scene.page.keyboard.press("Shift+Q")
    scene.publish(name, shop_lines(30, 500) * 80)
    # Later than this, lines count as those of before.
    scene.page.evaluate("() => new Promise((done) => setTimeout(done, 2600))")
    scene.page.keyboard.press("Shift+L")
    expect(scene.page.get_by_test_id("state")).to_contain_text("catching up")


def reconnecting(scene: Scene) -> None:
    """The hub refuses for now."""
    refusal = {"error": "Service Unavailable", "detail": "Too many streams."}
    scene.open()
    scene.page.keyboard.press("Shift+Q")
    scene.page.route("**/message?*", lambda route: route.fulfill(status=503, json=refusal))
    scene.page.keyboard.press("Shift+L")
    expect(scene.page.get_by_test_id("outage")).to_be_visible()


def without_redis(scene: Scene) -> None:
    """The hub has lost Redis."""
    scene.open()
    scene.page.route(
        "**/channels", lambda route: route.fulfill(json={"ready": False, "recording": False, "channels": []})
    )
    expect(scene.page.get_by_test_id("outage")).to_be_visible()


def ranges(scene: Scene) -> None:
    """The menu of time ranges."""
    scene.open()
    scene.page.get_by_test_id("range-open").click()


def span(scene: Scene) -> None:
    """The last minutes, counted by the hub."""
    scene.page.goto(f"{scene.hub.url}/index?channel={scene.channel}&tail=40&last=5m")
    expect(scene.page.locator(".hist-canvas")).to_have_attribute("aria-label", re.compile(r": \d{3} lines"))


def past(scene: Scene) -> None:
    """A range of the past, out of the log, while lines come."""
    end = int(time.time() * 1_000) - 1
    scene.page.goto(f"{scene.hub.url}/index?channel={scene.channel}&from={iso_time(end - 600_000)}&to={iso_time(end)}")
    expect(scene.page.get_by_test_id("row").first).to_be_visible()
    scene.publish(scene.channel, shop_lines(7_000, 20))
    expect(scene.page.get_by_test_id("pause")).to_contain_text("new")


def stale(scene: Scene) -> None:
    """No sign of the hub."""
    silent: list[Route] = []
    scene.page.clock.install()
    scene.open()
    for path in ("**/channels", "**/message?*"):
        scene.page.route(path, lambda route: silent.append(route))
    scene.page.clock.fast_forward(31_000)
    expect(scene.page.locator(".app")).to_have_attribute("data-state", "stale")


def offline(scene: Scene) -> None:
    """The network is gone."""
    scene.open()
    scene.page.context.set_offline(True)
    scene.page.keyboard.press("Shift+Q")
    scene.page.keyboard.press("Shift+L")
    expect(scene.page.locator(".app")).not_to_have_attribute("data-state", "connecting")


def stopped(scene: Scene) -> None:
    """On purpose."""
    scene.open()
    scene.page.keyboard.press("Shift+Q")


def gap_row(scene: Scene) -> None:
    """Nobody was recording."""
    scene.gap("recorder-down", None)


def failover_row(scene: Scene) -> None:
    """Another Redis server took over."""
    scene.gap("failover", None)


def forked_row(scene: Scene) -> None:
    """The page was on a dead branch."""
    scene.gap("forked", None)


def bus_row(scene: Scene) -> None:
    """Lines are missing among those that came."""
    scene.gap("bus", None)


def dropped_row(scene: Scene) -> None:
    """The page was too slow."""
    scene.gap("slow", 500)


def empty(scene: Scene) -> None:
    """A channel that has never spoken."""
    open_page(scene.page, scene.hub, "orders")
    expect(scene.page.get_by_test_id("empty-command")).to_be_visible()


def nothing_passes(scene: Scene) -> None:
    """The filter hides everything."""
    scene.open()
    scene.page.get_by_test_id("filter").fill("user=nobody")
    scene.page.keyboard.press("Enter")
    expect(scene.page.get_by_test_id("clear-filter")).to_be_visible()


def refused(scene: Scene) -> None:
    """A channel that is not served."""
    scene.page.goto(f"{scene.hub.url}/index?channel=sse-hub:private")
    expect(scene.page.get_by_test_id("empty")).to_contain_text("reserved")


def storage_off(scene: Scene) -> None:
    """The browser remembers nothing; and the settings."""
    scene.page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('off'); } })")
    scene.open()
    scene.page.get_by_test_id("more").click()


def ended(scene: Scene) -> None:
    """The publisher has closed, and its numbers are a chart."""
    numbers = [
        json.dumps(
            {"time": int(time.time() * 1_000) - (120 - n) * 500, "cpu": 20 + n % 17, "memory": 61, "load": n / 50}
        )
        for n in range(120)
    ]
    name = f"numbers.{random.randrange(10**6)}"
    scene.publish(name, [*numbers[:60], *numbers[60:], '{"@event": "closed"}'])
    scene.page.goto(f"{scene.hub.url}/index?channel={name}")
    expect(scene.page.get_by_test_id("closed")).to_be_visible()


def split(scene: Scene) -> None:
    """Side by side."""
    scene.open(*CHANNELS)
    scene.page.get_by_test_id("grid").focus()
    scene.page.keyboard.press("s")
    expect(scene.page.get_by_test_id("pane").first).to_be_visible()


def folded(scene: Scene) -> None:
    """An open trace, repeats, wrapped lines."""
    name = f"folds.{random.randrange(10**6)}"
    scene.publish(name, [json.dumps({"level": "warn", "message": f"retry {n} of 40"}) for n in range(1, 38)])
    scene.publish(name, shop_lines(15, 10))
    scene.page.add_init_script("localStorage.setItem('sse-hub.repeats', 'true')")
    open_page(scene.page, scene.hub, name)
    wait_received(scene.page, 47)
    scene.page.get_by_test_id("row").filter(has_text="payment failed").locator(".fold").click()
    scene.page.get_by_test_id("row").first.hover()


def plotted(scene: Scene) -> None:
    """A field as a chart."""
    scene.open()
    scene.page.get_by_test_id("grid").focus()
    scene.page.keyboard.press("p")
    scene.page.get_by_test_id("ask-field").select_option("took")
    scene.page.get_by_test_id("ask-go").click()
    expect(scene.page.get_by_test_id("plot")).to_be_visible()


def counted(scene: Scene, choose: str, **answer: object) -> None:
    """The statistics of six hours, of which the hub has counted five."""
    chance, step = random.Random(7), 180_000
    end = int(time.time() * 1_000) // step * step
    numbers = {"numbers": 0, "min": 3, "max": 2_140, "p50": 41, "p90": 310, "p99": 1_900}
    steps: list[dict[str, Any]] = []
    counts = [0, 0, 0]
    for at in range(end - 100 * step, end, step):
        counts = [chance.randrange(0, 4), chance.randrange(2, 30), chance.randrange(40, 90)]
        numbers = {
            "numbers": 50,
            "min": 3,
            "max": 2_140,
            "p50": counts[1] + 30,
            "p90": counts[2] * 4,
            "p99": counts[2] * 20,
        }
        steps.append({"at": at, "count": 130, **numbers})
        if "values" not in answer:
            steps[-1] |= {"values": counts, "others": 6, "without": 9}
    totals = [sum(each.get("values", counts)[n] for each in steps) for n in range(3)]
    names = ["billing", "<b>checkout</b>", "inventory"]
    gap: dict[str, Any] = {"channel": "shop.api", "lost": None, "reason": "recorder-down"}
    gap |= {"after": f"{end - 40 * step}-0", "before": f"{end - 36 * step}-0"}
    reply: dict[str, Any] = {
        "since": iso_time(end - 120 * step), "until": iso_time(end), "step_seconds": step // 1_000, "by": "service",
        "field": None, "count": 13_000, "looked_at": 50_000, "others": 600, "distinct": 31, "without": 900,
        "values": [{"value": name, "count": count} for name, count in zip(names, totals, strict=True)],
        "steps": steps, "more": True, "reached": f"{end - 100 * step}-1", "gaps": [gap],
    }  # fmt: skip
    asked = iter([reply | answer | numbers])

    def fulfill(route: Route) -> None:
        # What the hub would count next stays open.
        if (body := next(asked, None)) is not None:
            route.fulfill(json=body)

    scene.page.route("**/stats?*", fulfill)
    scene.open()
    scene.page.goto(f"{scene.page.url}&stats=6h{choose}")
    expect(scene.page.get_by_test_id("stats-values").locator("tr").nth(2)).to_be_visible()


def statistics(scene: Scene) -> None:
    """Lines by the values of a field."""
    counted(scene, "&by=service&least=error")


def statistics_of_a_number(scene: Scene) -> None:
    """Percentiles over time."""
    counted(scene, "&of=took", by=None, field="took", kind="duration", values=None)


def help_open(scene: Scene) -> None:
    """All keys."""
    scene.open()
    scene.page.get_by_test_id("grid").focus()
    scene.page.keyboard.press("?")
    expect(scene.page.get_by_test_id("help")).to_be_visible()


def palette_open(scene: Scene) -> None:
    """All that can be done."""
    scene.open()
    scene.page.keyboard.press("Control+k")
    scene.page.get_by_test_id("palette-input").fill("s")


def exporting(scene: Scene) -> None:
    """A small question."""
    scene.open()
    palette(scene.page, "export")


def details(scene: Scene) -> None:
    """One line, all of it."""
    scene.open()
    select(scene)


def rail(scene: Scene) -> None:
    """The channels; on a phone they are a sheet."""
    scene.open()
    if phone(scene):
        scene.page.get_by_test_id("menu").click()
        expect(scene.page.get_by_test_id("channel-input")).to_be_in_viewport()


def crowd(scene: Scene) -> None:
    """Hundreds of channels: groups, one of them open, and what needs a look."""
    for n in range(400):
        scene.publish(f"docker.team-{n % 8}-service-with-a-long-name-{n:03}", shop_lines(n, 1 + 20 * (n % 100 == 0)))
    scene.open(*CHANNELS)
    if phone(scene):
        scene.page.get_by_test_id("menu").click()
    expect(scene.page.get_by_test_id("group-docker.*")).to_be_visible()
    scene.page.get_by_test_id("group-docker.*").click()


def finding_a_channel(scene: Scene) -> None:
    """A few letters of a name."""
    crowd(scene)
    scene.page.get_by_test_id("channel-input").fill("svc 3 11")


def rail_folded(scene: Scene) -> None:
    """Nothing but lines, with whole dates."""
    scene.page.add_init_script("localStorage.setItem('sse-hub.time', 'full')")
    scene.open(*CHANNELS)
    scene.page.get_by_test_id("grid").focus()
    scene.page.keyboard.press("[")


def marked(scene: Scene) -> None:
    """Pins, and several lines selected."""
    scene.open()
    scene.page.get_by_test_id("grid").focus()
    for key in "kkkmkkmkKKK":
        scene.page.keyboard.press(key)


def faulty(scene: Scene) -> None:
    """A filter that cannot be read, and what may come next."""
    scene.open()
    scene.page.get_by_test_id("filter").fill("level>=warn (us")
    expect(scene.page.get_by_test_id("filter-error")).to_be_visible()


def value_menu(scene: Scene) -> None:
    """The menu of a value."""
    scene.open()
    select(scene)
    scene.page.locator("[role=treeitem]").filter(has_text="trace_id").locator("button").first.click()


def trace_everywhere(scene: Scene) -> None:
    """The lines of a trace in all channels."""
    scene.open()
    select(scene)
    scene.page.get_by_test_id("drawer-traceEverywhere").click()
    expect(scene.page.locator(".listing-line").first).to_be_visible()


def contrast(scene: Scene) -> None:
    """The theme with the most contrast, in Chinese, lines wrapped."""
    for name, value in {"theme": "contrast", "lang": "zh", "wrap": "true"}.items():
        scene.page.add_init_script(f"localStorage.setItem('sse-hub.{name}', '{value}')")
    scene.open(*CHANNELS)
    select(scene)


SCENES: tuple[Callable[[Scene], None], ...] = (
    connecting, live, sharing, several, filtered, pinned, rule_form, rules, idle, paused, scrolled,
    catching_up, reconnecting, stale, offline,
    without_redis, ranges, span, past,
    stopped, gap_row, failover_row, forked_row, bus_row,
    dropped_row, empty, nothing_passes, refused, storage_off, ended, split, folded, plotted,
    statistics, statistics_of_a_number,
    help_open, palette_open, exporting, details, rail, rail_folded, marked, faulty, value_menu, trace_everywhere,
    contrast, crowd, finding_a_channel,
)  # fmt: skip


def phone(scene: Scene) -> bool:
    """True on a small screen."""
    size = scene.page.viewport_size
    return size is not None and size["width"] < 700


def take(browser: Browser, hub: HubProcess, publish: Publish, folder: Path, wanted: tuple[str, ...]) -> None:
    """Make the pictures."""
    for act in SCENES:
        if wanted and not act.__name__.startswith(wanted):
            continue
        for size, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
                page = context.new_page()
                act(Scene(page, hub, publish))
                if act is not catching_up:
                    page.evaluate("() => new Promise((done) => setTimeout(done, 400))")
                page.screenshot(path=folder / f"{act.__name__}-{size}-{scheme}.png")
                context.close()


def main() -> None:
    """Make them in the folder of the command line."""
    options = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("names", nargs="*")
    chosen = options.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with (
        redis_server(valkey_binary()) as redis,
        hub_process(redis.url) as hub,
        redis.client() as client,
        sync_playwright() as playwright,
    ):

        def publish(channel: str, lines: Iterable[str]) -> None:
            with client.pipeline(transaction=False) as pipeline:
                for line in lines:
                    pipeline.publish(channel, line)
                pipeline.execute()

        # In turns, so that the last lines are some of each.
        for lines in zip(*(shop_lines(300 * number, 260) for number in range(len(CHANNELS))), strict=True):
            for channel, line in zip(CHANNELS, lines, strict=True):
                publish(channel, [line])
        publish(CHANNELS[0], shop_lines(10, 14))
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_OPTIONS))
        take(browser, hub, publish, chosen.folder, tuple(chosen.names))
        browser.close()


if __name__ == "__main__":
    main()
