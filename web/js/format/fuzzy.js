// Finds names by a few of their letters, the best first. Pure.
//
//     fuzzyFind(["shop.checkout", "shop.cart"], "chekout")  ->  ["shop.checkout"]
//
// Each word typed must occur: as it is, or with its letters in this order. If nothing has them all, one letter may be wrong.

const BOUNDARIES = " ./:_@-";
// Letters that are found, but this far apart, are found by chance.
const LONGEST_GAP = 12;
const MISSED = -Infinity;

// The next letter is looked for in the same thousands of texts.
let latest = { items: null, texts: [] };

/** The items with all words of `typed` in their text, the best first; equal ones stay in their order. `textOf(item)` is the text. An array stays as it is. */
export function fuzzyFind(items, typed, textOf = (item) => item) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...items];
  if (items !== latest.items) latest = { items, texts: items.map((item) => textOf(item).toLowerCase()).map((text) => ({ text, letters: lettersOf(text) })) };
  const { texts } = latest;
  const found = ranked(items, texts, words.map((word) => [word]));
  return found.length > 0 ? found : ranked(items, texts, words.map(nearly));
}

function ranked(items, texts, words) {
  const wanted = words.map((forms) => forms.map((form) => ({ form, letters: lettersOf(form) })));
  const found = [];
  texts.forEach(({ text, letters }, at) => {
    let score = 0;
    for (const forms of wanted) if (score > MISSED) score += bestScore(text, letters, forms);
    if (score > MISSED) found.push({ at, score, length: text.length });
  });
  found.sort((one, other) => other.score - one.score || one.length - other.length || one.at - other.at);
  return found.map(({ at }) => items[at]);
}

function bestScore(text, has, forms) {
  let best = MISSED;
  // A form with a letter that the text has not is not looked for: there are thousands of texts.
  for (const { form, letters } of forms) if ((letters & ~has) === 0) best = Math.max(best, scoreOf(text, form));
  return best;
}

// Which letters occur, as bits; some share one.
function lettersOf(text) {
  let letters = 0;
  for (let at = 0; at < text.length; at += 1) letters |= 1 << (text.charCodeAt(at) & 31);
  return letters;
}

// How well a text has a word.
function scoreOf(text, word) {
  let at = text.indexOf(word);
  if (at < 0) return scattered(text, word);
  const first = at === 0;
  while (at > 0 && !beginsPart(text, at)) at = text.indexOf(word, at + 1);
  return 1_000 + (first ? 40 : 0) + (at >= 0 ? 100 : 0) + (text.endsWith(word) ? 30 : 0);
}

// How well a text has the letters of a word one after the other; those that go on, or begin a part, count most.
function scattered(text, word) {
  let score = 0;
  let last = -1;
  for (let letter = 0; letter < word.length; letter += 1) {
    const next = text.indexOf(word[letter], last + 1);
    if (next < 0 || (last >= 0 && next - last > LONGEST_GAP)) return MISSED;
    const at = next === last + 1 ? next : partWith(text, word[letter], next, last + LONGEST_GAP);
    score += at === last + 1 ? 12 : beginsPart(text, at) ? 10 : -Math.min(8, at - last);
    last = at;
  }
  return score;
}

// Where a part begins with this letter, if one does before `end`, else `first`.
function partWith(text, letter, first, end) {
  for (let at = first; at >= 0 && at <= end; at = text.indexOf(letter, at + 1)) if (beginsPart(text, at)) return at;
  return first;
}

const beginsPart = (text, at) => at === 0 || BOUNDARIES.includes(text[at - 1]);

// A word as it may have been meant: with a letter left out, or two changed over.
function nearly(word) {
  if (word.length < 4) return [word];
  const forms = [];
  for (let at = 0; at < word.length; at += 1) {
    forms.push(word.slice(0, at) + word.slice(at + 1));
    if (at + 1 < word.length) forms.push(word.slice(0, at) + word[at + 1] + word[at] + word.slice(at + 2));
  }
  return forms;
}
