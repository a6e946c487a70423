"""The page's words without their keys: in one order for all languages, and found again."""

import json
import subprocess
from pathlib import Path

import pytest

from sse_hub.http.page.translations import module_of, without_keys
from tests.support.programs import node_binary

LANGUAGES = {
    "lang/en.json": '{"news.lines": "{n} new", "bar.stop": "Stop", "news.lines_one": "one new"}',
    "lang/zh.json": '{"bar.stop": "停止", "news.lines": "{n} 条"}',
}
SAY = Path(__file__).parents[3] / "web" / "js" / "say.js"


def test_translations_of_all_languages_follow_one_list_of_keys() -> None:
    keys, words = without_keys(LANGUAGES)

    assert keys == ["bar.stop", "news.lines", "news.lines_one"]
    assert json.loads(words["lang/en.json"]) == ["Stop", "{n} new", "one new"]
    assert json.loads(words["lang/zh.json"]) == ["停止", "{n} 条", None]


@pytest.mark.parametrize(
    ("code", "spoken"),
    [("en", ["Stop", "one new", "7 new", "bar.gone"]), ("zh", ["停止", "1 条", "7 条", "bar.gone"])],
)
def test_a_list_of_texts_translates_as_the_table_does(tmp_path: Path, code: str, spoken: list[str]) -> None:
    keys, words = without_keys(LANGUAGES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "say.js").write_text(SAY.read_text())
    (tmp_path / "word-keys.js").write_text(module_of(keys))

    for table in (LANGUAGES[f"lang/{code}.json"], words[f"lang/{code}.json"]):
        (tmp_path / "main.js").write_text(
            'import { say, speak } from "./say.js";\n'
            f'speak("{code}", {table});\n'
            'console.log(JSON.stringify([say("bar.stop"), say("news.lines", { n: 1 }), say("news.lines", { n: 7 }), '
            'say("bar.gone")]));\n'
        )
        done = subprocess.run(
            [node_binary(), str(tmp_path / "main.js")], capture_output=True, text=True, timeout=30, check=True
        )
        assert json.loads(done.stdout) == spoken
