"""
The page's modules as one script: each form of import and export that the page uses, and a refusal of the others.

Minified, as a wheel holds the page, the script does the same and little crosses the wire.
"""

import gzip
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sse_hub.http.page.assets import assets_of, page_files, web_folder
from sse_hub.http.page.bundler import WORKER_ENTRY, WORKER_SCRIPT, build_page, bundle
from tests.support.programs import node_binary
from tests.support.settings import DEADLINE_SECONDS

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
        [node_binary(), "--input-type=module", "-e", script],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def minify(source: Path, target: Path) -> None:
    """Build the page of a folder as a wheel does."""
    subprocess.run(
        [sys.executable, "-m", "sse_hub.http.page.minify", str(source), str(target)],
        timeout=DEADLINE_SECONDS,
        check=True,
    )


def test_a_bundle_does_what_its_modules_do() -> None:
    bundled = bundle(MODULES, "js/main.js")

    assert run(bundled) == "41 43 thing [1,2]"
    # A name that nobody imports is not exported, and one that is imported twice is exported once.
    assert bundled.count("$$0 = count;") == 1
    assert "const both = $$2, Renamed = $$3, rest = $$4;" in bundled
    assert "step" not in bundled


def test_a_minified_bundle_does_what_its_modules_do(tmp_path: Path) -> None:
    source = tmp_path / "web"
    others = {"index.html": "<p>page</p>", "favicon.svg": "<svg/>", "js/theme.js": "", WORKER_ENTRY: ""}
    for name, text in (MODULES | others).items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)

    minify(source, tmp_path / "built")

    assert run((tmp_path / "built" / "js" / "page.js").read_text()) == "41 43 thing [1,2]"


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        ('import * as all from "./count.js";\n', "no import or export"),
        ('import "./count.js";\n', "no import or export"),
        ("export default 1;\n", "no import or export"),
        ("export let changing = 1;\n", "no import or export"),
        ('import { gone } from "./gone.js";\n', "js/main.js imports js/gone.js, which does not exist"),
        ('import { self } from "./main.js";\n', "js/main.js imports itself"),
    ],
)
def test_an_unsupported_import_or_export_is_refused_by_name(module: str, fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        bundle({"js/main.js": module, "js/count.js": MODULES["js/count.js"]}, "js/main.js")


def test_the_built_page_is_one_small_load(tmp_path: Path) -> None:
    """In a wheel: what a browser loads at once, with a language, is at most 170 kB on the wire."""
    minify(web_folder(), tmp_path)

    files = page_files(tmp_path)
    assets, html = assets_of(files), files["index.html"]

    script = tmp_path / "page.mjs"
    script.write_bytes(assets["js/page.js"].plain)
    checked = subprocess.run(
        [node_binary(), "--check", str(script)], capture_output=True, timeout=DEADLINE_SECONDS, check=False
    )
    # One language is loaded at a time, and docs.css is for the page of the routes.
    loaded = [name for name in assets if not name.startswith("lang/") and name != "css/docs.css"]
    language = max(len(asset.packed) for name, asset in assets.items() if name.startswith("lang/"))
    sent = len(gzip.compress(html.encode(), 9)) + sum(len(assets[name].packed) for name in loaded) + language
    assert checked.returncode == 0, checked.stderr
    assert sent <= 170_000
    # The worker is loaded by the script, under an address without a version.
    assert [name for name in loaded if f"=web/{name}" not in html] == [WORKER_SCRIPT]
    assert "../../js/streams.js" in assets["js/page.js"].plain.decode()
    assert "css/grid.css" not in html


def test_a_checkout_serves_the_same_files_as_a_wheel(tmp_path: Path) -> None:
    minify(web_folder(), tmp_path)

    assert page_files(web_folder()).keys() == page_files(tmp_path).keys()
    assert len(build_page(web_folder())["js/page.js"]) > (tmp_path / "js" / "page.js").stat().st_size


def test_a_hub_imports_no_minifier() -> None:
    names = "{name for name in sys.modules if 'minify' in name}"
    script = f"import sys, sse_hub; sse_hub.hub_blueprint(sse_hub.Config()); print({names})"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True
    )

    assert done.stdout.strip() == "set()"
