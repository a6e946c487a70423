// A report: lines as Markdown that nothing in them can break out of.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { reportText } from "../../../web/js/format/report-text.js";
import { useLanguage } from "../../../web/js/i18n/translate.js";

useLanguage("en", JSON.parse(readFileSync(new URL("../../../web/lang/en.json", import.meta.url))));

test("a report names channel and time, links to the line, and marks the lines that were chosen", () => {
  const lines = [{ text: "before", chosen: false }, { text: "boom\n  at pay.js:4", chosen: true }, { text: "", chosen: false }];

  const text = reportText({ channel: "shop.web", time: "2026-12-01T00:59:54.818Z", url: "https://hub/index?a=(b", lines, left: 0 });

  assert.equal(text, "`shop.web` · 2026-12-01T00:59:54.818Z · [Open in sse-hub](<https://hub/index?a=(b>)\n\n```text\n  before\n> boom\n>   at pay.js:4\n\n```\n");
});

test("no line can end the block, and what is left out is told", () => {
  const text = reportText({ channel: "a", time: "now", url: "u", lines: [{ text: "````\n# heading \u202e", chosen: true }], left: 7 });

  assert.match(text, /^`{5}text\n> ````\n> # heading ⟨U\+202E⟩\n`{5}\n\n7 lines more were selected\.\n$/m);
});
