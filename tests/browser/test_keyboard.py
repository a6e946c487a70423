"""
Without a mouse, and without motion or a voice: each key does something, and what is not wanted can be switched off.
"""

import json
import re
import time
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from sse_hub.http.page.assets import web_folder
from tests.support.browser_page import Publish, numbered, open_page, wait_received
from tests.support.servers import HubProcess
from tests.support.settings import DEADLINE_SECONDS, at_scale

pytestmark = pytest.mark.browser

COMMANDS = web_folder() / "js" / "app" / "commands.js"
LINES = 120
# Two to three hours ago, and no midnight among the lines.
BEGIN_MS = (int(time.time()) // 3_600 - 2) * 3_600_000
STACK = "ValueError: too small\n    at charge (pay.js:4:1)\n    at main (app.js:9:1)"

# What a key may change, each as a reader sees it.
PROBES = {
    "follow": "text('[data-testid=follow]')",
    "line": "text('.row[aria-current=true] .message')",
    "chosen": "texts('.row[aria-selected=true] .message')",
    "top": "text('.message', all('[data-testid=row]').find((row) => topOf(row) >= topOf(grid)))",
    "pages": "Math.round(-10 * below / (grid.clientHeight - 20)) / 10",
    "shown": "window.sseHub.stats().shown",
    "levels": "texts('.levels [aria-pressed=true]:not([hidden]) b')",
    "focus": "document.activeElement.dataset.testid",
    "hits": "text('[data-testid=find-count]')",
    "drawer": "seen('drawer') && `${seen('tree') ? 'parsed' : 'raw'} ${JSON.parse(text('[data-testid=raw]')).message}`",
    "frames": "all('.frame').length",
    "pins": "texts('[data-pinned=true] .message')",
    "copied": "(await copied()).replace(/^\\S+ | more=.*/g, '')",
    "lines copied": "(await copied()).split('\\n').length",
    "copied as JSON": '(await copied()).match(/(?<=^{.*"message": ")[^"]+/)?.[0] ?? null',
    "link": "new URLSearchParams(await copied()).get('at') === `${current.dataset.ch}@${current.dataset.id}`",
    "time": "all('.time').every(fits) && text('.time', all('.row')[3]).replaceAll(/\\d+/g, '0')",
    "lines high": "Math.round(current.offsetHeight / 20)",
    "panes": "all('[data-testid=pane]').map((pane) => text('.pane-name', pane)).join()",
    "channels": "seen('channel-input')",
    "chart": "seen('plot') && text('.plot-legend span')",
    "bars": "seen('hist')",
    "menu": "all('[role=menuitem]').length > 0",
    "stream": "text('.live-words')",
    "dialog": "document.querySelector('dialog[open]')?.dataset.testid ?? null",
    "marker": "text('[data-testid=marker]')",
    "pinned": "text('[data-testid=pin-status]') !== ''",
}
# Looks until it is as wanted, or for so many ms.
PROBE = """async ([wanted, ms]) => {
  const grid = document.querySelector("[data-testid=grid]");
  const all = (parts) => [...document.querySelectorAll(parts)];
  const text = (part, within = document) => within.querySelector(part)?.textContent ?? null;
  const texts = (parts) => all(parts).map((part) => part.textContent).join();
  const seen = (id) => document.querySelector(`[data-testid=${id}]`)?.checkVisibility() ?? false;
  const topOf = (part) => part.getBoundingClientRect().top;
  const fits = (part) => part.scrollWidth <= part.clientWidth;
  const copied = () => navigator.clipboard.readText();
  for (const start = performance.now(); ; await new Promise(requestAnimationFrame)) {
    const current = document.querySelector(".row[aria-current=true]");
    const below = grid.scrollHeight - grid.scrollTop - grid.clientHeight;
    const found = %s;
    if (found === wanted || performance.now() - start > ms) return found;
  }
}"""

# Keys, or a text to type; what they change; what it is then, and was not before the last of them.
STEPS: list[tuple[str, str, object]] = [
    ("Space", "follow", "paused"),
    ("Space", "follow", "following"),
    ("k", "line", "line 120"),
    ("k", "line", "line 119"),
    ("ArrowUp", "line", "line 118"),
    ("j", "line", "line 119"),
    ("ArrowDown", "line", "line 120"),
    ("E", "line", "line 110"),
    ("E", "line", "line 100"),
    ("e", "line", "line 110"),
    ("W", "line", "line 105"),
    ("w", "line", "line 115"),
    ("O", "line", "line 108"),
    ("o", "line", "line 115"),
    ("G", "follow", "following"),
    ("PageUp", "pages", -1),
    ("u", "pages", -1.5),
    ("d", "pages", -1),
    ("PageDown", "pages", 0),
    ("g", "top", "line 0"),
    ("End", "follow", "following"),
    ("Home", "top", "line 0"),
    ("End", "pages", 0),
    ("t", "dialog", "prompt"),
    (f"{BEGIN_MS + 49_500} Enter", "line", "line 50"),
    ("Enter", "drawer", "parsed line 50"),
    ("ArrowDown", "drawer", "parsed line 51"),
    ("r", "drawer", "raw line 51"),
    ("r", "drawer", "parsed line 51"),
    ("]", "drawer", False),
    ("]", "drawer", "parsed line 51"),
    ("Escape", "drawer", False),
    ("ArrowRight", "frames", 3),
    ("ArrowLeft", "frames", 0),
    ("m", "pins", "line 51"),
    ("j j m", "pins", "line 51,line 53"),
    ("'", "line", "line 51"),
    ("'", "line", "line 53"),
    ("m ' m", "pins", ""),
    ("c", "copied", f"TRACE line 51 trace_id=t2 took=51\n{STACK}"),
    ("C", "copied as JSON", "line 51"),
    ("k Control+c", "copied", "ERROR line 50 trace_id=t1 took=50"),
    ("l", "link", True),
    ("J J", "chosen", "line 50,line 51,line 52"),
    ("K", "chosen", "line 50,line 51"),
    ("Control+a Control+c", "lines copied", LINES + 4),
    ("Escape", "chosen", ""),
    ("f", "focus", "filter"),
    ("level>=warn Enter", "focus", "grid"),
    ("k k", "line", "line 115"),
    ("x", "shown", LINES + 1),
    ("Escape", "shown", 24),
    ("f Control+a Backspace", "shown", LINES + 1),
    ("Enter", "focus", "grid"),
    ("6", "shown", 1),
    ("5", "shown", 12),
    ("4", "shown", 24),
    ("3", "shown", 96),
    ("2", "shown", 108),
    ("1", "shown", LINES + 1),
    ("2 0", "shown", LINES + 1),
    ("/", "focus", "find"),
    ("/line.11/ Enter", "hits", "8 of 11"),
    ("Escape", "hits", ""),
    ("Control+f", "focus", "find"),
    ("Tab n", "hits", "9 of 11"),
    ("N", "hits", "8 of 11"),
    ("Escape", "hits", ""),
    ("k G", "follow", "following"),
    ("z", "lines high", 3),
    ("z", "lines high", 1),
    ("T", "time", "0-0-0 0:0:0.0"),
    ("T", "time", "0-0-0T0:0:0.0+0:0"),
    ("T", "time", "0.0"),
    ("T", "time", "0 h ago"),
    ("T", "time", "+0 s"),
    ("T", "time", "0:0:0.0"),
    ("s", "panes", "keys,keys.other"),
    ("s", "panes", ""),
    ("p", "dialog", "prompt"),
    ("Tab Tab Enter", "chart", "took"),
    ("p", "chart", False),
    ("S", "dialog", "statistics"),
    ("Escape", "dialog", None),
    ("[", "channels", False),
    ("[", "channels", True),
    ("h", "bars", False),
    ("h", "bars", True),
    ("R", "menu", True),
    ("ArrowUp ArrowUp Enter", "dialog", "prompt"),
    (f"{BEGIN_MS + 10_000}–{BEGIN_MS + 19_999} Enter", "shown", 10),
    ("-", "shown", 20),
    ("L", "shown", LINES + 1),
    ("Q", "stream", "Stopped"),
    ("L", "stream", "Live"),
    ("M", "dialog", "prompt"),
    ("deployed Enter", "marker", "⚑ deployed"),
    ("A", "dialog", "rules-dialog"),
    ("Escape", "dialog", None),
    ("4 F", "pinned", True),
    ("F", "pinned", False),
    ("0 ?", "dialog", "help"),
    ("Escape", "dialog", None),
    ("Control+k", "dialog", "palette"),
    ("keys.oth Enter", "shown", 1),
]


# Keeps, over a reload, what was seen to move in any frame: animations and transitions that take their time.
# What moves while the page is asked for less motion, or not, as the test wants it: a new document is not at once.
WATCH_MOTION = """(() => {
  const moved = new Set(JSON.parse(sessionStorage.moved ?? "[]"));
  const wanted = matchMedia("(prefers-reduced-motion: MOTION)");
  const look = () => {
    for (const { effect, animationName, transitionProperty } of wanted.matches ? document.getAnimations() : []) {
      const name = `${effect.target.className}: ${animationName ?? transitionProperty}`;
      if (effect.getComputedTiming().activeDuration > 1) moved.add(name);
    }
    sessionStorage.moved = JSON.stringify([...moved]);
    requestAnimationFrame(look);
  };
  look();
})()"""

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


def line(n: int) -> str:
    """The n-th line: each tenth is an error, the hundredth fatal, others are between; the first has no level."""
    level = {0: "error", 5: "warn", 1: "trace", 2: "debug"}.get(n % 10, "info")
    named = {0: {}, 100: {"level": "fatal"}}.get(n, {"level": level})
    more = {"exception": STACK} if n == 51 else {"more": "a" * 300}
    return json.dumps(
        {**named, "message": f"line {n}", "time": BEGIN_MS + n * 1_000, "trace_id": f"t{n % 7}", "took": n, **more}
    )


def keys_of(text: str) -> set[str]:
    """The keys of the table of actions, as a browser names them."""
    rows = re.findall(r'^  \["\w+", "\w+", \[(.*?)\]', text, re.MULTILINE)
    keys = {key for row in rows for key in re.findall(r'"(.+?)"', row)}
    return {re.sub(r"Ctrl\+(.)", lambda found: f"Control+{found[1].lower()}", key) for key in keys}


def look(page: Page, probe: str, wanted: object = None, seconds: float = 0) -> object:
    """What the page shows of it, once it is as wanted or the time is up."""
    return page.evaluate(PROBE % PROBES[probe], [wanted, seconds * 1_000])


def press(page: Page, word: str) -> None:
    """One key, or a text letter by letter."""
    if len(word) == 1 or word[0].isupper():
        page.keyboard.press(word)
    else:
        page.keyboard.type(word)


def test_f18_each_key_does_what_its_description_says(page: Page, hub: HubProcess, publish: Publish) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.add_init_script("localStorage.setItem('sse-hub.order', 'line')")
    open_page(page, hub, "keys", "keys.other")
    publish("keys.other", [line(0)])
    wait_received(page, 1)
    publish("keys", map(line, range(1, LINES + 1)))
    wait_received(page, LINES + 1)
    expect(page.get_by_test_id("row").last).to_contain_text(f"line {LINES}")
    page.get_by_test_id("grid").focus()

    for words, probe, after in STEPS:
        *first, last = words.split(" ")
        for word in first:
            press(page, word)
        assert look(page, probe) != after, f"{probe} before {words!r}"
        press(page, last)
        assert look(page, probe, after, DEADLINE_SECONDS) == after, f"{probe} after {words!r}"

    assert keys_of(COMMANDS.read_text()) <= {word for words, _, _ in STEPS for word in words.split(" ")}


@pytest.mark.speed
def test_f03_dragging_over_the_lines_stops_following_and_the_end_key_resumes_at_once(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "drag")
    publish("drag", numbered(range(1, 2_001)))
    expect(page.get_by_test_id("row").last).to_contain_text("line 2000")
    box = page.get_by_test_id("grid").bounding_box()
    assert box is not None
    edge = box["x"] + box["width"] - 4

    page.mouse.move(edge, box["y"] + box["height"] - 20)
    page.mouse.down()
    page.mouse.move(edge, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    expect(page.get_by_test_id("pill")).to_be_visible()
    expect(page.get_by_test_id("follow")).to_have_text("held while you select")
    publish("drag", numbered([2_001]))
    expect(page.get_by_test_id("pill")).to_contain_text("1 new")

    assert page.evaluate(TIME_END, "line 2001") < at_scale(750, 150)
    expect(page.get_by_test_id("follow")).to_have_text("following")
    page.keyboard.press("PageUp")
    expect(page.get_by_test_id("follow")).to_have_text("scrolled up")
    publish("drag", numbered([2_002]))
    expect(page.get_by_test_id("pill")).to_contain_text("1 new")


def test_f10_a_trace_id_filters_all_open_channels(page: Page, hub: HubProcess, publish: Publish) -> None:
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


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_f19_nothing_is_animated_with_reduced_motion(
    page: Page, hub: HubProcess, publish: Publish, motion: Literal["reduce", "no-preference"]
) -> None:
    """What lasts is what moves; elsewhere the sheet with the channels slides, and a line that one is led to flashes."""
    page.emulate_media(reduced_motion=motion)
    page.set_viewport_size({"width": 800, "height": 600})
    page.add_init_script(WATCH_MOTION.replace("MOTION", motion))
    open_page(page, hub, f"still.{motion}")
    page.emulate_media(reduced_motion=motion)
    for n in range(60):
        publish(f"still.{motion}", numbered([n]))
    wait_received(page, 60)

    page.get_by_test_id("row").filter(has_text="line 55").click()
    expect(page.get_by_test_id("drawer")).to_be_visible()
    expect(page.get_by_test_id("pill")).to_be_visible()
    page.keyboard.press("o")
    expect(page.get_by_test_id("toast")).to_be_visible()
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    for opened, closed in (("more", "settings"), ("views", "views-panel")):
        page.get_by_test_id(opened).click()
        expect(page.get_by_test_id(closed)).to_be_visible()
        page.keyboard.press("Escape")
    page.get_by_test_id("menu").click()
    expect(page.get_by_test_id("channel-input")).to_be_in_viewport(ratio=1)
    page.reload()
    expect(page.locator(".row[aria-current=true]")).to_be_in_viewport()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    assert page.evaluate(f"matchMedia('(prefers-reduced-motion: {motion})').matches")
    moved = set(page.evaluate("JSON.parse(sessionStorage.moved ?? '[]')"))
    assert moved == (set() if motion == "reduce" else {"rail: transform", "row flash: flash"})


def test_f19_screen_reader_announcements_can_be_switched_off(page: Page, hub: HubProcess, publish: Publish) -> None:
    """The rate is told in the same tick, after which nothing can be said of the line any more."""
    page.add_init_script("localStorage.setItem('sse-hub.announce', 'false')")
    open_page(page, hub, "silence")

    publish("silence", numbered([1]))
    expect(page.get_by_test_id("row")).to_have_count(1)
    expect(page.get_by_test_id("rate")).not_to_have_text("0")

    expect(page.get_by_test_id("announcer")).to_have_text("")
