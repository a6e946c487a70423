"""
Without a mouse, and without motion or a voice: each key does something, and what is not wanted can be switched off.
"""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.reader import Publish, numbered, open_page, wait_received
from tests.rig import HubProcess, at_scale

pytestmark = pytest.mark.browser

# The keys that the page promises, as a browser names them.
NAMED = (
    "Space End ArrowDown ArrowUp Home PageDown PageUp Control+f Escape Enter ArrowRight ArrowLeft Control+a Control+k"
)
KEYS = [*NAMED.split(" "), *"GjkgduteEwW/nNf1234560xrm'oOcClJKzTs[]hM?"]

# Whether the page has taken the key that was pressed last, seen after all of its own listeners.
WATCH_KEYS = """() => addEventListener("keydown", (event) => { window.taken = event.defaultPrevented; })"""

# How long it takes, in ms, until the page follows again and its last line is in sight.
TIME_END = """async (last) => {
  const grid = document.querySelector("[data-testid=grid]");
  const start = performance.now();
  grid.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true, cancelable: true }));
  const inSight = () => [...document.querySelectorAll("[data-testid=row]")].some((row) =>
    row.textContent.includes(last) && row.getBoundingClientRect().bottom <= grid.getBoundingClientRect().bottom + 1);
  while (!inSight()) await new Promise(requestAnimationFrame);
  return performance.now() - start;
}"""


def test_f18_each_key_of_the_table_is_handled(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "keys.all")
    lines = [
        {"level": level, "message": f"line {n}", "trace_id": "t1"} for n, level in enumerate(["warn", "error"] * 3)
    ]
    publish("keys.all", map(json.dumps, lines))
    wait_received(page, len(lines))
    page.evaluate(WATCH_KEYS)
    ignored = []

    for key in KEYS:
        page.evaluate("""() => {
          document.querySelector("dialog[open]")?.close();
          document.querySelector("[data-testid=grid]").focus();
          delete window.taken;
        }""")
        page.keyboard.press(key)
        if not page.evaluate("window.taken"):
            ignored.append(key)

    assert ignored == []


def test_f03_dragging_the_scroll_bar_up_lets_go_and_end_comes_back_at_once(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "drag")
    publish("drag", numbered(range(1, 2_001)))
    expect(page.get_by_test_id("row").last).to_contain_text("line 2000")
    box = page.get_by_test_id("grid").bounding_box()
    assert box is not None
    bar = box["x"] + box["width"] - 4

    page.mouse.move(bar, box["y"] + box["height"] - 20)
    page.mouse.down()
    page.mouse.move(bar, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    expect(page.get_by_test_id("pill")).to_be_visible()
    expect(page.get_by_test_id("follow")).to_have_text("scrolled up")
    publish("drag", numbered([2_001]))
    expect(page.get_by_test_id("pill")).to_contain_text("1 new")

    assert page.evaluate(TIME_END, "line 2001") < at_scale(750, 150)
    expect(page.get_by_test_id("follow")).to_have_text("following")


def test_f10_a_trace_id_filters_over_all_channels_open(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "pivot.web", "pivot.api")
    for channel in ("pivot.web", "pivot.api"):
        publish(channel, [json.dumps({"message": f"{channel} {trace}", "trace_id": trace}) for trace in ("t1", "t2")])
    wait_received(page, 4)
    page.get_by_test_id("row").filter(has_text="pivot.web t1").click()

    page.locator("[role=treeitem]").filter(has_text="trace_id").locator("button").first.click()
    page.get_by_role("menuitem", name="Filter for this").click()

    expect(page.get_by_test_id("filter")).to_have_value("trace_id=t1")
    expect(page.get_by_test_id("row")).to_have_count(2)
    assert {row.get_attribute("data-ch") for row in page.get_by_test_id("row").all()} == {"pivot.web", "pivot.api"}


def test_f19_nothing_moves_where_less_motion_is_wanted(page: Page, hub: HubProcess, publish: Publish) -> None:
    """A line that a link leads to flashes elsewhere; the skeleton only appears after a while, in no time."""
    page.emulate_media(reduced_motion="reduce")
    page.add_init_script("""(() => {
      window.moved = [];
      for (const kind of ["animationstart", "transitionrun"]) {
        addEventListener(kind, ({ target, animationName }) => {
          if (animationName !== "appear") window.moved.push(`${kind} ${target.className}`);
        }, true);
      }
    })()""")
    open_page(page, hub, "still")
    for n in range(3):
        publish("still", numbered([n]))
        wait_received(page, n + 1)
    expect(page.get_by_test_id("row")).to_have_count(3)
    page.get_by_test_id("row").first.click()
    expect(page.get_by_test_id("drawer")).to_be_visible()

    page.reload()
    expect(page.locator(".row[aria-current=true]")).to_be_in_viewport()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    assert page.evaluate("window.moved") == []


def test_f19_announcements_can_be_switched_off(page: Page, hub: HubProcess, publish: Publish) -> None:
    """The rate is told in the same tick, after which nothing can be said of the line any more."""
    page.add_init_script("localStorage.setItem('sse-hub.announce', 'false')")
    open_page(page, hub, "silence")

    publish("silence", numbered([1]))
    expect(page.get_by_test_id("row")).to_have_count(1)
    expect(page.get_by_test_id("rate")).not_to_have_text("0")

    expect(page.get_by_test_id("announcer")).to_have_text("")
