"""
Out of the page and back into it: addresses, saved views, copies, files.
"""

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser_page import Publish, messages, numbered, open_page, palette, stats, wait_received
from tests.support.servers import HubProcess

pytestmark = pytest.mark.browser


def test_f09_the_url_opens_the_same_view_with_the_selected_line(
    page: Page, hub: HubProcess, publish: Publish, browser: Browser
) -> None:
    open_page(page, hub, "f09")
    publish("f09", numbered(range(1, 1_501)))
    wait_received(page, 1_500)
    page.get_by_test_id("filter").fill("line 1")
    page.keyboard.press("Enter")
    page.get_by_test_id("level-info").click()
    page.get_by_test_id("filter").fill('"line 100"')
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("row").first).to_contain_text("line 100")
    page.get_by_test_id("row").first.click()
    url = page.url + "&column=user&zone=Asia%2FKolkata"

    with browser.new_context() as context:
        other = context.new_page()
        other.goto(url)
        expect(other.locator(".row[aria-current=true] .message")).to_have_text("line 100")
        expect(other.locator(".row[aria-current=true]")).to_be_in_viewport()
        expect(other.get_by_test_id("filter")).to_have_value('"line 100"')
        expect(other.get_by_test_id("zone-open")).to_contain_text("Kolkata")
        expect(other.get_by_test_id("terms")).to_contain_text("user")
        expect(other.get_by_test_id("level-info")).to_have_attribute("aria-pressed", "false")
        other.goto(f"{hub.url}/index?channel=f09&at=f09@1700000000000-1")
        expect(other.get_by_test_id("toast")).to_contain_text("no longer in the log")


def test_f09_wrapping_time_format_zone_and_range_are_in_the_url(
    page: Page, hub: HubProcess, publish: Publish, browser: Browser
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, hub, "f09.looks")
    publish(
        "f09.looks",
        [json.dumps({"time": f"2026-11-21T03:{n // 60:02}:{n % 60:02}.000Z", "message": f"{n}"}) for n in range(600)],
    )
    expect(page.locator(".hist-canvas")).to_have_attribute("aria-label", re.compile(": 600 lines "))
    page.keyboard.press("z")
    page.keyboard.press("T")
    page.get_by_test_id("zone-open").click()
    page.get_by_test_id("zone").fill("Asia/Kolkata")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    box = page.get_by_test_id("hist").bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 20, steps=3)
    page.mouse.up()
    page.wait_for_function("() => window.sseHub.stats().shown < 500")
    palette(page, "copy the address")
    expect(page.get_by_test_id("toast")).to_contain_text("clipboard")

    last = page.get_by_test_id("row").last
    expect(last.locator(".time")).to_have_text(re.compile(r"^2026-11-21 08:3\d:\d\d\.000$"))
    with browser.new_context() as context:
        other = context.new_page()
        other.goto(page.evaluate("navigator.clipboard.readText()"))
        expect(other.locator(".range-text")).to_have_text(page.locator(".range-text").inner_text())
        expect(other.get_by_test_id("zone-open")).to_contain_text("Asia/Kolkata")
        expect(other.get_by_test_id("wrap")).to_have_attribute("aria-pressed", "true")
        expect(other.get_by_test_id("row").last.locator(".time")).to_have_text(last.locator(".time").inner_text())
        expect(other.get_by_test_id("row").last).to_have_attribute("data-id", str(last.get_attribute("data-id")))
        assert stats(other)["shown"] == stats(page)["shown"]


def test_f09_back_undoes_the_last_filter(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f09.back")
    publish("f09.back", numbered(range(1, 101)))
    wait_received(page, 100)
    page.keyboard.press("f")
    steps = page.evaluate("history.length")
    for text, shown in (("line 1", 20), ("line 10", 2)):
        page.get_by_test_id("filter").fill(text)
        # While it is typed, the address is kept true and is no step.
        page.wait_for_function("(shown) => window.sseHub.stats().shown === shown", arg=shown)
        expect(page).to_have_url(re.compile(f"q={text.replace(' ', '[+]')}$"))
        assert page.evaluate("history.length") == steps
        page.keyboard.press("Enter")
        steps += 1
        assert page.evaluate("history.length") == steps
        page.keyboard.press("f")

    page.go_back()
    expect(page.get_by_test_id("filter")).to_have_value("line 1")
    page.go_back()

    expect(page.get_by_test_id("filter")).to_have_value("")
    page.wait_for_function("() => window.sseHub.stats().shown === 100")


def test_f09_identical_lines_have_different_links(page: Page, hub: HubProcess, publish: Publish) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, hub, "f09.twins")
    publish("f09.twins", ['{"message": "same"}'] * 2)
    expect(page.get_by_test_id("row")).to_have_count(2)
    links = []
    for row in page.get_by_test_id("row").all():
        row.click()
        page.keyboard.press("l")
        expect(page.get_by_test_id("toast")).to_contain_text("clipboard")
        links.append(page.evaluate("navigator.clipboard.readText()"))
        page.keyboard.press("Escape")

    assert links[0] != links[1]
    # A report has the link too, and the line among its neighbours.
    page.get_by_test_id("row").last.click()
    page.get_by_test_id("drawer-report").click()
    expect(page.get_by_test_id("toast")).to_contain_text("Markdown")
    report = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert report[0].startswith("`f09.twins` · ")
    assert report[0].endswith(f"[Open in sse-hub](<{links[1]}>)")
    assert [line[:2] for line in report[2:]] == ["``", "  ", "> ", "``", ""]
    # The hints are shown until they are dismissed.
    page.set_viewport_size({"width": 1440, "height": 800})
    page.get_by_test_id("hints-close").click()
    page.reload()
    expect(page.get_by_test_id("row")).to_have_count(2)
    page.get_by_test_id("share").click()
    expect(page.get_by_test_id("toast")).to_contain_text("address")
    expect(page.get_by_test_id("hints")).to_be_hidden()


def test_f09_a_view_is_saved_under_a_name(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f09.views")
    publish("f09.views", numbered(range(1, 201)))
    wait_received(page, 200)
    page.keyboard.press("5")
    page.get_by_test_id("views").click()
    page.get_by_test_id("view-name").fill("errors only")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("saved-view")).to_have_text("errors only")
    page.keyboard.press("Escape")
    page.keyboard.press("0")
    page.wait_for_function("() => window.sseHub.stats().shown === 200")

    palette(page, "errors only")

    page.wait_for_function("() => window.sseHub.stats().shown === 2")


def test_f17_an_export_of_100_000_lines_has_exactly_the_shown_lines_in_order(
    page: Page, hub: HubProcess, publish: Publish, tmp_path: Path
) -> None:
    page.add_init_script("localStorage.setItem('sse-hub.held', '101000')")
    open_page(page, hub, "f17")
    numbers = range(101_000)
    lines = [
        json.dumps({"level": "info", "message": f"新 {n}", "user": f"=u{min(1, n % 101)}"}, ensure_ascii=False)
        for n in numbers
    ]
    for start in numbers[::25_000]:
        publish("f17", lines[start : start + 25_000])
        wait_received(page, min(start + 25_000, len(lines)))
    page.get_by_test_id("filter").fill("user==u1")
    page.keyboard.press("Enter")
    page.wait_for_function("() => window.sseHub.stats().shown === 100_000")

    page.get_by_test_id("export").click()
    with page.expect_download() as ndjson:
        page.get_by_test_id("ask-go").click()
    palette(page, "export")
    page.get_by_test_id("ask-format").select_option("csv")
    with page.expect_download() as table:
        page.get_by_test_id("ask-go").click()

    ndjson.value.save_as(tmp_path / "lines.ndjson")
    table.value.save_as(tmp_path / "lines.csv")
    asked = [n for n in numbers if n % 101]
    assert (tmp_path / "lines.ndjson").read_text(encoding="utf-8").splitlines() == [lines[n] for n in asked]
    with (tmp_path / "lines.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["message"] for row in rows] == [f"新 {n}" for n in asked]
    assert not [row for row in rows if row["fields"].startswith(("=", "+", "-", "@"))]


def test_f17_the_log_is_downloaded_from_the_hub_whatever_the_page_holds(
    page: Page, hub: HubProcess, publish: Publish, tmp_path: Path
) -> None:
    publish("f17.log", numbered(range(1, 701)))
    page.goto(f"{hub.url}/index?channel=f17.log&tail=10")
    expect(page.get_by_test_id("held")).to_have_text("10")

    palette(page, "export")
    page.get_by_test_id("ask-scope").select_option("log")
    with page.expect_download() as download:
        page.get_by_test_id("ask-go").click()

    download.value.save_as(tmp_path / "lines")
    saved = (tmp_path / "lines").read_text().splitlines()
    # The hour before that is asked for is from before the log, which the file says.
    lines = [re.sub(r'"@moment":\d{13},', "", line) for line in saved if not line.startswith('{"@gap"')]
    assert lines == numbered(range(1, 701))

    page.keyboard.press("Escape")
    palette(page, "export")
    page.get_by_test_id("ask-scope").select_option("log")
    expect(page.get_by_test_id("ask-since")).to_be_visible()
    page.get_by_test_id("ask-until").fill("-30m")
    with page.expect_download() as download:
        page.get_by_test_id("ask-go").click()
    download.value.save_as(tmp_path / "older")
    assert "line 1" not in (tmp_path / "older").read_text()


def test_an_export_of_the_log_takes_filter_levels_and_columns_along_and_says_what_it_saves(
    page: Page, hub: HubProcess, publish: Publish, tmp_path: Path
) -> None:
    levels = ("debug", "info", "warn", "error")
    lines = [{"level": levels[n % 4], "message": f"line {n}", "user": f"u{n % 3}"} for n in range(600)]
    publish("f17.errors", [json.dumps(line) for line in lines])
    page.goto(f"{hub.url}/index?channel=f17.errors&tail=10&q=level>=warn&hide=warn&column=user")
    expect(page.get_by_test_id("held")).to_have_text("10")

    page.get_by_test_id("export").click()
    says = page.get_by_test_id("export-says")
    expect(says).to_contain_text("Lines that match level>=warn -level=warn, 3 lines, from f17.errors, as NDJSON")
    page.get_by_test_id("ask-scope").select_option("log")
    expect(says).to_contain_text("about 150 lines")
    expect(page.get_by_test_id("export-preview")).to_contain_text('"line 3"')
    page.get_by_test_id("ask-since").fill("last tuesday")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("ask-since")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#export-since")).to_contain_text("“last tuesday” is not a valid time")
    page.get_by_test_id("ask-since").fill("-2h")
    page.get_by_test_id("ask-format").select_option("csv")
    page.get_by_test_id("export-column-fields").uncheck()
    expect(says).to_contain_text("as CSV, columns: time, channel, level, logger, message, user.")
    expect(page.get_by_test_id("export-preview")).to_contain_text("time,channel,level,logger,message,user")
    with page.expect_download() as download:
        page.keyboard.press("Enter")

    download.value.save_as(tmp_path / "errors.csv")
    expect(page.get_by_test_id("toast")).to_have_text("150 lines downloaded")
    with (tmp_path / "errors.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["message"].startswith("#")]
    assert [(row["level"], row["message"], row["user"]) for row in rows] == [
        ("ERROR", f"line {n}", f"u{n % 3}") for n in range(3, 600, 4)
    ]


def test_f17_selected_shown_or_all_lines_can_be_saved_as_text(
    page: Page, hub: HubProcess, publish: Publish, tmp_path: Path
) -> None:
    open_page(page, hub, "f17.text")
    publish("f17.text", [json.dumps({"message": f"line {n}", "user": f"u{n % 2}"}) for n in range(10)])
    wait_received(page, 10)
    page.goto(f"{page.url}&column=user")
    page.get_by_test_id("filter").fill("user=u1")
    expect(page.get_by_test_id("row")).to_have_count(5)
    page.get_by_test_id("row").nth(1).click()
    page.keyboard.press("Escape")
    page.get_by_test_id("row").nth(2).click(modifiers=["Shift"])

    for scope, numbers in (("selected", [3, 5]), ("shown", [1, 3, 5, 7, 9]), ("held", range(10))):
        page.get_by_test_id("export").click()
        page.get_by_test_id("ask-scope").select_option(scope)
        # A span of time is asked for only where it counts.
        for bound in ("since", "until"):
            expect(page.get_by_test_id(f"ask-{bound}")).to_be_hidden()
        page.get_by_test_id("ask-format").select_option("txt")
        with page.expect_download() as download:
            page.get_by_test_id("ask-go").click()
        download.value.save_as(tmp_path / scope)
        saved = (tmp_path / scope).read_text().splitlines()
        assert [line.split(" f17.text ")[1] for line in saved] == [f"line {n} u{n % 2}" for n in numbers]


def test_f17_a_selection_can_extend_to_lines_far_out_of_sight(page: Page, hub: HubProcess, publish: Publish) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, hub, "f17.range")
    publish("f17.range", numbered(range(1, 1_001)))
    wait_received(page, 1_000)
    page.keyboard.press("Home")
    expect(page.get_by_test_id("row").first).to_contain_text("line 1")
    page.get_by_test_id("row").first.click()
    page.keyboard.press("Escape")
    page.keyboard.press("End")
    page.get_by_test_id("row").last.click(modifiers=["Shift"])

    page.keyboard.press("C")
    expect(page.get_by_test_id("toast")).to_have_text("1,000 lines copied to the clipboard")
    copied = page.evaluate("navigator.clipboard.readText()").split("\n")

    assert copied == numbered(range(1, 1_001))
    page.keyboard.press("K")
    page.keyboard.press("Control+c")
    expect(page.get_by_test_id("toast")).to_have_text("999 lines copied to the clipboard")
    assert stats(page)["shown"] == 1_000


def test_f16_a_stack_trace_expands_in_its_row_and_is_copied_whole(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, hub, "f16")
    stack = (
        'Traceback (most recent call last):\n  File "/x/site-packages/lib.py", line 1, in g\n    h()\n'
        '  File "app.py", line 2, in f\n    g()\nValueError: too small'
    )
    publish("f16", [json.dumps({"level": "error", "message": "boom", "exception": stack}), '{"message": "after"}'])
    row = page.get_by_test_id("row").first
    expect(row.locator(".fold")).to_have_text("· 2 frames")

    page.get_by_test_id("grid").focus()
    page.keyboard.press("k")
    page.keyboard.press("k")
    page.keyboard.press("ArrowRight")
    expect(row.locator(".frame")).to_have_count(6)
    expect(row.locator(".frame.foreign")).to_have_count(2)
    boxes = [each.bounding_box() for each in page.get_by_test_id("row").all()]
    assert boxes[0] and boxes[1] and boxes[0]["y"] + boxes[0]["height"] == boxes[1]["y"]
    page.keyboard.press("ArrowLeft")
    expect(row.locator(".frame")).to_have_count(0)
    page.keyboard.press("c")
    expect(page.get_by_test_id("toast")).to_contain_text("clipboard")

    assert stack in page.evaluate("navigator.clipboard.readText()")
    assert messages(page) == ["boom", "after"]
