"""
Rows that stand for more than they show: traces, repeats, very long lines; and numbers as a chart.
"""

import json
import logging
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import (
    WATCH_TASKS,
    Publish,
    numbered,
    open_page,
    palette,
    stats,
    stream_of,
    wait_received,
)
from tests.support.servers import HubProcess
from tests.support.settings import ROOT, at_scale

logger = logging.getLogger(__name__)
pytestmark = pytest.mark.browser

MODULES = ROOT / "web" / "js"
PYTHON = [
    "2026-11-21 03:50:18,780 - app - ERROR - boom",
    "Traceback (most recent call last):",
    '  File "/srv/lib/python3.11/site-packages/lib.py", line 1, in g',
    "    h()",
    '  File "app.py", line 2, in f',
    "    g()",
    "ValueError: too small",
]
JAVA = [
    "java.lang.IllegalStateException: no stock",
    "\tat shop.Cart.pay(Cart.java:12)",
    "Caused by: java.io.IOException: y",
]
NODE = ["TypeError: x is undefined", "    at pay (/srv/a.js:1:2)", "    at /srv/node_modules/b.js:3:4"]
GO = ["panic: boom", "", "goroutine 1 [running]:", "main.main()", "\t/srv/main.go:10 +0x1d"]

# Whether all rows are so many px high, and each stands right below the one before.
ROW_HEIGHTS = """(pixels) => {
  const tops = [...document.querySelectorAll("[data-testid=row]")].map((row) => row.getBoundingClientRect());
  return tops.every(({ top, height }, at) => height === pixels && (at === 0 || top === tops[at - 1].bottom));
}"""

# Milliseconds for writing and laying out 400 rows, with and without colours for tokens: the best of eight.
TIME_ROWS = """async () => {
  const load = (path) => import(`/modules/${path}`);
  const [{ Row }, { RowStyle }, { Ring }, { Settings }] = await Promise.all(
    ["views/row.js", "views/row-style.js", "store/ring.js", "app/settings.js"].map(load));
  const ring = new Ring(1000);
  const says = (n) => [
    `GET /orders/${n} 503 from 10.0.0.7 in 12ms`, `Visit 新增 id ${n}`, `order ${n} paid`, "cache miss",
    `slow query: ${n} ms > 500 ms on shard ${n % 4}`,
  ][n % 5];
  for (let n = 0; n < 400; n += 1) {
    const message = says(n);
    const line = JSON.stringify({ level: "info", logger: "shop.api", message, user: `u${n}` });
    ring.append("a", { fence: 1, count: n }, line, 3, 1.79e12 + n);
  }
  const spacer = document.querySelector(".spacer");
  const measure = (tokens) => {
    const settings = new Settings(() => { throw new Error("none"); });
    settings.override("tokens", tokens);
    const style = new RowStyle(settings, ring);
    const rows = Array.from({ length: 400 }, () => new Row());
    const start = performance.now();
    rows.forEach((row, seq) => {
      row.fill(ring, seq, seq > 0 ? seq - 1 : null, style, { count: 0, seqs: () => [] });
      row.moveTo(seq, seq * 20, 20);
      spacer.append(row.element);
    });
    spacer.offsetHeight;
    const took = performance.now() - start;
    for (const row of rows) row.element.remove();
    return took;
  };
  const best = { plain: Infinity, tokens: Infinity };
  for (let time = 0; time < 8; time += 1) {
    best.plain = Math.min(best.plain, measure(false));
    best.tokens = Math.min(best.tokens, measure(true));
  }
  return best;
}"""


def info(texts: list[str]) -> list[str]:
    """Lines of text as the hub's own shippers publish them."""
    return [json.dumps({"info": text}) for text in texts]


def test_f4_a_progress_bar_is_a_row_with_its_last_state_and_all_states_in_the_details(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    """No line makes a row of which nothing can be seen."""
    open_page(page, hub, "progress")
    texts = [
        "\r10%\r50%\r100% done",
        "pulling 1/3\rpulling 2/3\rpulling 3/3\r",
        "\x1b[2K\r\x1b[32m 42%|####  |\x1b[0m\r",
        "\r\r",
        "\x1b[0m\u200b",
        "\n\nafter two empty lines",
        "bell\x07 and \u202eturned\r",
    ]
    # With a level, so that none continues the line before it.
    publish("progress", [json.dumps({"level": "info", "message": text}) for text in texts])

    expect(page.locator("[data-testid=row] .message")).to_have_text(
        [
            "100% done",
            "pulling 3/3",
            " 42%|####  |",
            "(empty)",
            "(empty)",
            "after two empty lines",
            "bell\u2407 and \u27e8U+202E\u27e9turned",
        ]
    )
    first = page.get_by_test_id("row").first
    expect(first.locator(".fold")).to_have_text("+ 2 lines")
    first.click()
    expect(page.get_by_test_id("drawer")).to_contain_text("\u240d10%\u240d50%\u240d100% done")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    expect(first.locator(".frame")).to_have_text(["10%", "50%"])


def test_f16_a_trace_published_line_by_line_is_one_row_and_copied_whole(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, hub, "f16.lines")
    for lines in (PYTHON, ["one"], JAVA, ["two"], NODE, ["three"], GO):
        publish("f16.lines", info(lines))
    wait_received(page, 21)

    rows = page.get_by_test_id("row")
    expect(rows).to_have_count(7)
    folds = [rows.nth(at).locator(".content").inner_text() for at in (0, 2, 4, 6)]
    assert "boom" in folds[0] and "ValueError: too small" in folds[0] and "· 2 frames" in folds[0]
    assert "IllegalStateException: no stock" in folds[1] and "frame" in folds[1]
    assert "TypeError: x is undefined" in folds[2] and "· 2 frames" in folds[2]
    assert "panic: boom" in folds[3] and "· 1 frame" in folds[3]
    assert (stats(page)["held"], stats(page)["shown"]) == (21, 21)
    rows.first.locator(".fold").click()
    expect(rows.first.locator(".frame")).to_have_count(6)
    expect(rows.first.locator(".frame.foreign")).to_have_count(2)
    page.get_by_test_id("row").first.locator(".message").click()
    expect(page.get_by_test_id("drawer").locator(".stack")).to_contain_text("ValueError: too small")
    # What the details show, the row does not.
    expect(rows.first.locator(".frame")).to_have_count(0)
    assert page.get_by_test_id("raw").text_content() == "\n".join(info(PYTHON))
    page.keyboard.press("Escape")
    expect(rows.first.locator(".frame")).to_have_count(6)
    page.keyboard.press("c")
    expect(page.get_by_test_id("toast")).to_have_text("7 lines copied to the clipboard")
    copied = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert copied[1:] == PYTHON[1:] and copied[0].endswith("boom")
    rows.nth(2).locator(".message").click()
    expect(page.get_by_test_id("stack-chain")).to_have_text("IllegalStateException ← IOException")
    page.get_by_test_id("stack-chain").get_by_role("button", name="IOException").click()
    expect(page.locator(".stack-line").filter(has_text="Caused by")).to_be_in_viewport()
    page.keyboard.press("Escape")
    # What goes on is found where its beginning is not.
    page.get_by_test_id("filter").fill("site-packages")
    expect(rows).to_have_count(1)
    page.get_by_test_id("filter").fill("")
    # A line that comes later is one of its own.
    publish("f16.lines", info(["  much later"]))
    expect(rows).to_have_count(8)


def test_f16_repeats_fold_on_request_and_are_copied_and_saved_whole(
    page: Page, hub: HubProcess, publish: Publish, tmp_path: Path
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, hub, "f16.repeats")
    publish("f16.repeats", [json.dumps({"level": "warn", "message": f"retry {n} of 40"}) for n in range(1, 38)])
    publish("f16.repeats", numbered([1]))
    wait_received(page, 38)
    expect(page.get_by_test_id("row")).to_have_count(38)

    palette(page, "fold repeats")

    rows = page.get_by_test_id("row")
    expect(rows).to_have_count(2)
    expect(rows.first.locator(".fold")).to_have_text("×37")
    assert (stats(page)["shown"], stats(page)["held"]) == (38, 38)
    expect(page.get_by_test_id("level-warn")).to_contain_text("37")
    rows.first.locator(".fold").click()
    expect(rows.first.locator(".frame")).to_have_count(36)
    expect(rows.first.locator(".frame").last).to_contain_text("retry 37 of 40")
    publish("f16.repeats", numbered([2, 3]))
    expect(rows.last.locator(".fold")).to_have_text("×3")
    page.keyboard.press("/")
    page.keyboard.type("retry 9 of")
    expect(page.get_by_test_id("find-count")).to_have_text("1 hit")
    page.keyboard.press("Escape")
    rows.first.locator(".fold").click()
    rows.first.locator(".message").click()
    page.keyboard.press("Escape")
    page.keyboard.press("C")
    expect(page.get_by_test_id("toast")).to_have_text("37 lines copied to the clipboard")
    page.get_by_test_id("export").click()
    with page.expect_download() as download:
        page.get_by_test_id("ask-go").click()
    download.value.save_as(tmp_path / "lines")
    assert len((tmp_path / "lines").read_text().splitlines()) == 40
    palette(page, "fold repeats")

    expect(rows).to_have_count(40)


def test_rows_are_18_20_or_26_px_high_as_chosen(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "density")
    publish("density", numbered(range(1, 201)))
    last = page.get_by_test_id("row").last
    expect(last).to_contain_text("line 200")

    page.get_by_test_id("more").click()
    for density, pixels in (("compact", 18), ("comfortable", 26), ("normal", 20)):
        page.get_by_role("button", name=f"Row height: {density}").click()
        page.wait_for_function(ROW_HEIGHTS, arg=pixels)
        expect(last).to_contain_text("line 200")
        expect(last).to_be_in_viewport(ratio=1)


@pytest.mark.speed
def test_f01_a_line_of_5_mb_is_one_row_and_does_not_block_the_page(page: Page, hub: HubProcess) -> None:
    line = json.dumps({"level": "info", "message": "m" * 5_000_000})
    frame = json.dumps([["1795233018000-1", "f01.long", line]])
    page.route("**/message?*", stream_of(f"id: 1795233018000-1\nevent: lines\ndata: {frame}\n\n"))
    page.add_init_script(f"({WATCH_TASKS})()")
    page.goto(f"{hub.url}/index?channel=f01.long")

    row = page.get_by_test_id("row")
    expect(row.locator(".fold")).to_have_text("· show all (5.0 MB)")
    assert len(row.locator(".message").inner_text()) == 2_001
    assert page.evaluate("window.longest") < at_scale(900, 300)
    row.locator(".fold").click()
    expect(page.get_by_test_id("drawer")).to_be_visible()
    page.get_by_role("button", name="show all (5.0 MB)").first.click()
    assert page.locator(".details-body pre").first.evaluate("(pre) => pre.textContent.length") == 5_000_000


@pytest.mark.speed
def test_f15_token_colours_are_cheap_and_stop_in_long_lines(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f15.cost")
    publish("f15.cost", [json.dumps({"level": "info", "message": "GET /a 200 " + "x" * 2_100}), *numbered([1])])
    expect(page.get_by_test_id("row")).to_have_count(2)
    assert page.get_by_test_id("row").first.locator(".message span").count() == 0

    # The page has them as one script; here they are needed one by one.
    page.route("**/modules/**", lambda route: route.fulfill(path=MODULES / route.request.url.split("/modules/")[1]))
    page.route("**/sse_hub/**", lambda route: route.fulfill(path=ROOT / urlsplit(route.request.url).path[1:]))
    took = page.evaluate(TIME_ROWS)

    logger.info("400 rows: %s", took)
    assert took["tokens"] < took["plain"] * at_scale(200, 125) / 100


def test_f21_any_number_can_be_plotted_from_the_details_a_facet_or_by_key(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f21.any")
    now = time.time() * 1_000
    publish(
        "f21.any",
        [
            json.dumps({"time": int(now - 60_000 + n * 500), "level": "info", "msg": f"call {n}", "took": n, "size": 7})
            for n in range(120)
        ],
    )
    wait_received(page, 120)
    expect(page.get_by_test_id("plot")).to_be_hidden()

    page.keyboard.press("p")
    page.get_by_test_id("ask-field").select_option("took")
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("plot")).to_be_visible()
    expect(page.locator(".plot-legend li")).to_have_text(re.compile("took119"))
    # Among the fields of little use, as it is the same in all lines.
    page.get_by_test_id("facets-more").click()
    page.get_by_role("button", name="Plot size").click()
    expect(page.locator(".plot-legend li")).to_have_count(2)
    page.locator(".plot-legend").get_by_role("button", name="Remove size from the chart").click()
    expect(page.locator(".plot-legend li")).to_have_count(1)
    publish("f21.any", [json.dumps({"time": int(now), "level": "info", "msg": "call 120", "took": 500})])
    expect(page.locator(".plot-legend li b")).to_have_text("500")

    box = page.locator(".plot-canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    expect(page.get_by_test_id("plot-tip")).to_contain_text(re.compile(r"took 5\d|took 6\d"))
    page.get_by_test_id("plot-span").select_option("15")
    expect(page.get_by_test_id("plot")).to_be_visible()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 40)
    expect(page.locator(".row[aria-current=true] .message")).to_have_text(re.compile(r"call [56]\d"))
    page.keyboard.press("p")

    expect(page.get_by_test_id("plot")).to_be_hidden()


def test_f21_plotting_thirty_numbers_per_second_causes_no_long_task(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f21.busy")
    publish("f21.busy", [json.dumps({"a": 1, "b": 2, "c": 3})] * 2)
    expect(page.get_by_test_id("plot")).to_be_visible()
    page.evaluate(WATCH_TASKS)

    for n in range(at_scale(20, 100)):
        publish("f21.busy", [json.dumps({"a": n, "b": n % 7, "c": 50 - n})])
        wait_received(page, n + 3)
        page.evaluate("() => new Promise((done) => setTimeout(done, 90))")

    assert page.evaluate("window.longest") < at_scale(250, 50)


def test_f20_an_empty_channel_offers_a_test_line(page: Page, hub: HubProcess) -> None:
    open_page(page, hub, "f20.empty")
    expect(page.get_by_test_id("empty")).to_contain_text("Nothing yet on ‘f20.empty’")

    page.get_by_test_id("test-line").click()

    expect(page.get_by_test_id("row").locator(".message")).to_have_text("Hello from the page")
    expect(page.get_by_test_id("empty")).to_be_hidden()


def test_f20_the_page_says_if_the_browser_stores_nothing(page: Page, hub: HubProcess) -> None:
    """Such a browser refuses the worker that tabs share, too."""
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('off'); } })")
    page.add_init_script(
        "window.SharedWorker = class { constructor() { throw new DOMException('', 'SecurityError'); } }"
    )
    open_page(page, hub, "f20.storage")

    page.get_by_test_id("more").click()

    expect(page.get_by_test_id("settings")).to_contain_text("does not store settings")
