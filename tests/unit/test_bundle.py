"""The page's modules as one script: each form of import and export that the page uses, and a refusal of the others."""

import gzip
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sse_hub.http.page.assets import page_assets, web_folder
from sse_hub.http.page.bundler import bundle
from sse_hub.http.page.minify import minified
from tests.unit.test_page_modules import node_binary

MODULES = {
    "js/main.js": """
import { both, Thing as Renamed, rest } from "./deep/er.js";
import {
  count,
  next,
} from "./count.js";

next();
const words = await Promise.resolve(`${count()} ${both(2)} ${new Renamed().name}`);
console.log(words, JSON.stringify([...rest()]));
""",
    "js/deep/er.js": """
import { count } from "../count.js";
export { next as step } from "../count.js";

export const both = (n) => n + count();
export class Thing {
  name = "thing";
}
export function* rest() {
  yield* [1, 2];
}
""",
    "js/count.js": """
let n = 40;
const next = () => (n += 1);

export function count() {
  return n;
}
export { next };
""",
}


def run(script: str) -> str:
    done = subprocess.run(
        [node_binary(), "--input-type=module", "-e", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_bundle_does_what_its_modules_do_and_so_does_it_minified() -> None:
    bundled = bundle(MODULES, "js/main.js")

    assert run(bundled) == "41 43 thing [1,2]"
    # What is not asked for is not given, and what is asked for twice is given once.
    assert bundled.count("$$0 = count;") == 1
    assert "const both = $$2, Renamed = $$3, rest = $$4;" in bundled
    assert "step" not in bundled
    assert run(minified({"page.js": bundled})["page.js"]) == "41 43 thing [1,2]"


def test_without_a_process_the_page_is_served_as_it_is_written(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    assert minified({"a.js": "const a  =  1;"}) == {"a.js": "const a  =  1;"}
    assert "page_not_minified" in caplog.text


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        ('import * as all from "./count.js";\n', "no import or export"),
        ('import "./count.js";\n', "no import or export"),
        ("export default 1;\n", "no import or export"),
        ("export let changing = 1;\n", "no import or export"),
        ('import { gone } from "./gone.js";\n', "js/main.js imports js/gone.js, which is not there"),
        ('import { self } from "./main.js";\n', "js/main.js imports itself"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(module: str, fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        bundle({"js/main.js": module, "js/count.js": MODULES["js/count.js"]}, "js/main.js")


def test_every_module_of_the_page_is_in_its_script_and_all_that_is_served_is_small(tmp_path: Path) -> None:
    assets, html = page_assets(web_folder())
    script = tmp_path / "page.mjs"
    script.write_bytes(assets["js/page.js"].plain)

    checked = subprocess.run([node_binary(), "--check", str(script)], capture_output=True, timeout=30, check=False)

    # One language is loaded at a time, and what is said of the routes is another page.
    asked = [name for name in assets if not name.startswith("lang/") and name != "css/docs.css"]
    language = max(len(asset.packed) for name, asset in assets.items() if name.startswith("lang/"))
    sent = len(gzip.compress(html.encode(), 9)) + sum(len(assets[name].packed) for name in asked) + language
    assert checked.returncode == 0, checked.stderr
    assert sent < 170_000
    assert all(f"=web/{name}" in html for name in asked)
    assert "css/grid.css" not in html
