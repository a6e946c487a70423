// What the palette finds for what is typed: names, other words for them, and one wrong letter.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { cpuMs } from "./cpu.mjs";
import { findEntries } from "../../../web/js/app/palette-search.js";

const find = (typed, ...entries) => findEntries(entries.map((entry) => (typeof entry === "string" ? { label: entry } : entry)), typed).map(({ label }) => label);

test("a name that begins with the word comes first, then a word of it, then another word for it, then a part", () => {
  const other = { label: "statistics", also: "count web" };

  assert.deepEqual(find("web", "the.cobweb", other, "shop.web", "web.cart", "web"), ["web", "web.cart", "shop.web", "statistics", "the.cobweb"]);
  assert.deepEqual(find("cart web", "web.cart", "web.mail"), ["web.cart"]);
  assert.deepEqual(find("", "one", "two"), ["one", "two"]);
  assert.deepEqual(find("error", { label: "next error", quiet: true }, "clear errors"), ["clear errors", "next error"]);
});

test("one wrong letter of a word is forgiven, if nothing fits as it is", () => {
  for (const typed of ["chekout", "checkuot", "checkkout", "chackout", "CHECKOU", "shop.chekout"]) assert.deepEqual(find(typed, "shop.checkout", "shop.mail"), ["shop.checkout"], typed);
  assert.deepEqual(find("mial", "shop.checkout", "shop.mail"), ["shop.mail"]);
  assert.deepEqual(find("padrao", "Padrão"), ["Padrão"]);
  for (const typed of ["chkot", "xyz", "mi"]) assert.deepEqual(find(typed, "shop.checkout", "shop.mail"), [], typed);
});

test("the words that newcomers type find something in every language", () => {
  const words = ["theme", "dark", "alert", "notify", "download", "csv", "share", "column", "timezone", "mute", "sql", "pattern", "count", "screen", "clear"];
  for (const language of ["en", "pt", "zh"]) {
    const texts = JSON.parse(readFileSync(new URL(`../../../web/lang/${language}.json`, import.meta.url)));
    const entries = Object.keys(texts).filter((key) => key.startsWith("also.")).map((key) => ({ label: texts[key.replace("also.", "command.")] ?? key, also: texts[key] }));
    for (const word of words) assert.notDeepEqual(findEntries(entries, word), [], `${language}: ${word}`);
  }
});

test("five thousand names are searched at once, a wrong letter included", () => {
  const names = Array.from({ length: 5_000 }, (_, at) => ({ label: `docker.team-${at % 50}-service-with-a-long-name-${at}` }));
  const start = cpuMs();
  assert.equal(findEntries(names, "servcie name-4999").length, 1);
  assert.ok(cpuMs() - start < 500);
});
