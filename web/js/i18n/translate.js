// The texts of the page in the reader's language: one JSON file per language, `web/lang/<code>.json`, with a text for each key.
// `{name}` in a text is replaced by a value; `<key>_one` is the singular of `<key>`, chosen by the value `n`.

export const LANGUAGES = { en: "English", zh: "中文", pt: "Português" };

let texts = {};
let plural = new Intl.PluralRules("en");
let laterTexts = null;
let loading = null;
let numbers = new Intl.NumberFormat("en");

/** Use this language from now on; `table` is the content of its file. */
export function useLanguage(code, table) {
  texts = table;
  plural = new Intl.PluralRules(code);
  numbers = new Intl.NumberFormat(code, { useGrouping: true });
}

/** The text of a key, with `{name}` replaced from `values`; the key itself if there is none. */
export function t(key, values = null) {
  const one = values && Number.isFinite(values.n) && `${key}_one` in texts && plural.select(values.n) === "one";
  const text = texts[one ? `${key}_one` : key] ?? key;
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? asText(values[name]) : whole)) : text;
}

/** True when the language has a text for a key. */
export const hasText = (key) => key in texts;

/** A number with separators between thousands. */
export const formatNumber = (number) => numbers.format(number);

const asText = (value) => (typeof value === "number" ? formatNumber(value) : String(value));

/** The language to use: the chosen one, else the first of the browser's languages that the page has. */
export function chooseLanguage(chosen, preferred) {
  if (chosen in LANGUAGES) return chosen;
  return preferred.map((tag) => tag.toLowerCase().split("-")[0]).find((code) => code in LANGUAGES) ?? "en";
}

/** Load the texts of a language from a folder (a URL) and put them into the page. Those that only later views name are a file of their own. */
export async function loadLanguage(root, code, folder) {
  laterTexts = new URL(`later/${code}.json`, folder);
  const answer = await fetch(new URL(`${code}.json`, folder));
  useLanguage(code, await answer.json());
  root.documentElement.lang = code;
  translatePage(root);
}

/** Load the texts of the views that are loaded later, once. Rejects if they can't be loaded now. */
export async function loadLaterTexts() {
  loading ??= fetch(laterTexts).then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`${laterTexts}: ${answer.status}`))));
  try {
    Object.assign(texts, await loading);
  } catch (fault) {
    loading = null;
    throw fault;
  }
}

/** Fill in the texts that the HTML of the page names: content, accessible name, tooltip and placeholder. */
export function translatePage(root) {
  for (const element of root.querySelectorAll("[data-i18n]")) element.textContent = t(element.dataset.i18n);
  for (const [kind, attribute] of [["label", "aria-label"], ["title", "title"], ["placeholder", "placeholder"]]) {
    const source = `data-i18n-${kind}`;
    for (const element of root.querySelectorAll(`[${source}]`)) element.setAttribute(attribute, t(element.getAttribute(source)));
  }
}
