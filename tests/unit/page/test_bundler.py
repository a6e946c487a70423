"""
The page's modules as two scripts: each form of import and export that the page uses, and a refusal of the others.

Minified, as a wheel holds the page, the scripts do the same and little crosses the wire.
"""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sse_hub.http.page.assets import assets_of, page_files, web_folder
from sse_hub.http.page.bundler import bundle
from sse_hub.http.page.files import LATER_SCRIPT, LATER_SHEET, SCRIPT, WORKER_ENTRY, WORKER_SCRIPT, build_page
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


# What is loaded later shares the state of `count` with the first script, and that of `own` among itself.
LATER_MODULES = {
    "js/main.js": """
import { count, next } from "./count.js";

globalThis.open = async () => {
  const { seen, use, more } = await import("./view.js");
  use();
  const { other } = await more();
  return `${seen} ${other()} ${count()}`;
};
globalThis.same = async () => await import("./view.js");
next();
""",
    "js/view.js": """
import { count, next as step } from "./count.js";
import { own } from "./own.js";
export { own as kept } from "./own.js";

export const seen = `${step()} ${own.length}`;
const more = () => import("./deep/more.js");
const use = () => own.push(step());
export { more, use };
""",
    "js/deep/more.js": """
import { own } from "../own.js";

export function other() {
  return own.length;
}
""",
    "js/own.js": """
export const own = [1, 2];
""",
    "js/count.js": MODULES["js/count.js"],
}
# Nothing to load at first, then the script of another page, then its own.
OPENED = """
import { writeFileSync } from "node:fs";
import "./page.mjs";

for (const script of SCRIPTS) {
  if (script) writeFileSync("later.js", script);
  console.log(await open().catch(({ code, message }) => code ?? message));
}
console.log(await same() === await same(), Object.keys(await same()).sort().join());
"""
OTHER_FILES = {"index.html": "<p>page</p>", "favicon.svg": "<svg/>", "js/theme.js": "", WORKER_ENTRY: ""}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def run(script: str, folder: Path | None = None) -> str:
    done = subprocess.run(
        [node_binary(), "--input-type=module", "-e", script],
        cwd=folder,
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
    bundled, later = bundle(MODULES, "js/main.js")

    assert run(bundled) == "41 43 thing [1,2]"
    # A name that nobody imports is not exported, and one that is imported twice is exported once.
    assert bundled.count("$$0 = count;") == 1
    assert "const both = $$2, Renamed = $$3, rest = $$4;" in bundled
    assert "step" not in bundled
    assert later == ""


def test_a_minified_bundle_does_what_its_modules_do(tmp_path: Path) -> None:
    write(tmp_path / "web", MODULES | OTHER_FILES)

    minify(tmp_path / "web", tmp_path / "built")

    assert run((tmp_path / "built" / "js" / "page.js").read_text()) == "41 43 thing [1,2]"


def test_what_is_loaded_later_is_a_script_of_its_own_with_the_state_of_the_first(tmp_path: Path) -> None:
    """An attempt that fails loses nothing, each module runs once, and the script of another page is refused."""
    source, built, loaded = tmp_path / "web", tmp_path / "built", tmp_path / "loaded"
    write(source, OTHER_FILES | LATER_MODULES)
    minify(source, built)
    other = bundle(LATER_MODULES | {"js/own.js": "export const own = [];\n"}, "js/main.js")[1]

    for files in (build_page(source), {name: (built / name).read_text() for name in (SCRIPT, LATER_SCRIPT)}):
        write(loaded, {"page.mjs": files[SCRIPT], "package.json": '{"type": "module"}'})
        scripts = json.dumps([None, other, files[LATER_SCRIPT]])

        assert run(OPENED.replace("SCRIPTS", scripts), loaded).split("\n") == [
            "ERR_MODULE_NOT_FOUND",
            "the page is outdated",
            "42 2 3 43",
            "true kept,more,seen,use",
        ]
        (loaded / "later.js").unlink()


def test_texts_that_only_later_views_name_are_a_file_of_their_own(tmp_path: Path) -> None:
    keys = ["a.named", "a.named_one", "b.any", "b.one_of_many", "c.html", "d.later", "a.named.more"]
    named = 't("a.named", { n }); t(`b.${name}`);\n'
    modules = {"js/main.js": f'const load = () => import("./view.js");\n{named}', "js/view.js": 't("d.later");\n'}
    html = '<p data-i18n="c.html"></p>'
    texts = {"lang/pt.json": json.dumps(dict.fromkeys(keys, "olá"))}
    write(tmp_path, OTHER_FILES | modules | texts | {"index.html": html})

    files = build_page(tmp_path)

    assert list(json.loads(files["lang/pt.json"])) == ["a.named", "a.named_one", "b.any", "b.one_of_many", "c.html"]
    assert list(json.loads(files["lang/later/pt.json"])) == ["d.later", "a.named.more"]


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        ('import * as all from "./count.js";\n', "no import or export"),
        ('import "./count.js";\n', "no import or export"),
        ("export default 1;\n", "no import or export"),
        ("export let changing = 1;\n", "no import or export"),
        ("const path = x; import(path);\n", "'import(path);' is no import or export"),
        ('import("./gone.js");\n', "js/main.js imports js/gone.js, which does not exist"),
        (
            'import { count } from "./count.js";\nimport("./count.js");\n',
            "js/main.js loads js/count.js later, which the page needs at once",
        ),
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
    # What a view needs is loaded when it is opened.
    others = ("css/docs.css", LATER_SCRIPT, LATER_SHEET)
    loaded = [name for name in assets if not name.startswith("lang/") and name not in others]
    language = max(len(asset.packed) for name, asset in assets.items() if re.match(r"lang/\w+\.json", name))
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
