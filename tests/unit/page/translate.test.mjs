// The page's texts: filled in, in the right plural form, and the key itself where a language lacks it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { t, useLanguage } from "../../../web/js/i18n/translate.js";

const LANGUAGES = {
  en: { "news.lines": "{n} new", "bar.stop": "Stop", "news.lines_one": "one new" },
  zh: { "bar.stop": "停止", "news.lines": "{n} 条" },
};

test("a language gives its texts by key, chooses the plural form, and shows the key of a missing text", () => {
  const spoken = (code) => {
    useLanguage(code, LANGUAGES[code]);
    return [t("bar.stop"), t("news.lines", { n: 1 }), t("news.lines", { n: 7 }), t("bar.gone")];
  };

  assert.deepEqual(spoken("en"), ["Stop", "one new", "7 new", "bar.gone"]);
  assert.deepEqual(spoken("zh"), ["停止", "1 条", "7 条", "bar.gone"]);
});
