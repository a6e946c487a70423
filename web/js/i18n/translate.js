// What the page says, in the reader's language: one JSON file per language, `web/lang/<code>.json`, from key to words.
// `{name}` in them is filled in; a key with `_one` beside it has a form for one thing, chosen by the value `n`.

export const LANGUAGES = { en: "English", zh: "中文", pt: "Português" };

let words = {};
let plural = new Intl.PluralRules("en");
let numbers = new Intl.NumberFormat("en");

/** Speak this language from now on; `table` is its file: words by key. */
export function useLanguage(code, table) {
  words = table;
  plural = new Intl.PluralRules(code);
  numbers = new Intl.NumberFormat(code, { useGrouping: true });
}

/** The words of a key, with `{name}` filled in from `values`; the key itself where there are none. */
export function t(key, values = null) {
  const one = values && Number.isFinite(values.n) && `${key}_one` in words && plural.select(values.n) === "one";
  const text = words[one ? `${key}_one` : key] ?? key;
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole)) : text;
}

/** True when the language has words for a key. */
export const hasText = (key) => key in words;

/** A number with its thousands set apart. */
export const formatNumber = (number) => numbers.format(number);

const shown = (value) => (typeof value === "number" ? formatNumber(value) : String(value));

/** The language to speak: the one chosen, else the first of the browser's that there is. */
export function chooseLanguage(chosen, browsers) {
  if (chosen in LANGUAGES) return chosen;
  return browsers.map((tag) => tag.toLowerCase().split("-")[0]).find((code) => code in LANGUAGES) ?? "en";
}

/** Fetch the words of a language from a folder (a URL), useLanguage it, and put them into the page. */
export async function loadLanguage(root, code, folder) {
  const answer = await fetch(new URL(`${code}.json`, folder));
  useLanguage(code, await answer.json());
  root.documentElement.lang = code;
  translatePage(root);
}

/** Put the words where the page's HTML asks for them: text, accessible name, tooltip and placeholder. */
export function translatePage(root) {
  for (const element of root.querySelectorAll("[data-i18n]")) element.textContent = t(element.dataset.i18n);
  for (const [kind, attribute] of [["label", "aria-label"], ["title", "title"], ["placeholder", "placeholder"]]) {
    const asked = `data-i18n-${kind}`;
    for (const element of root.querySelectorAll(`[${asked}]`)) element.setAttribute(attribute, t(element.getAttribute(asked)));
  }
}
