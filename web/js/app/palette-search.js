// Which entries of the palette fit what is typed, best first. Without a fit, one wrong letter in a word is forgiven.
//
//     findEntries([{label: "export lines", also: "csv download"}, …], "csv")

const SHORTEST_GUESS = 4;
const PARTS = /[\s.,:;/_\-]+/;

/** The entries, `{label, also, quiet}`, that fit every word of `typed`; `also` are other words for it, and a `quiet` one comes after its equals. */
export function findEntries(entries, typed) {
  const words = fold(typed).split(/\s+/).filter(Boolean);
  const found = ranked(entries, words, exactRank);
  return found.length > 0 || words.length === 0 ? found : ranked(entries, words, guessedRank);
}

function ranked(entries, words, rankOf) {
  const found = [];
  entries.forEach((entry, at) => {
    const label = fold(entry.label);
    const also = fold(entry.also ?? "");
    const ranks = words.map((word) => rankOf(word, label, also));
    if (ranks.includes(null)) return;
    const whole = label === words.join(" ") ? -1 : 0;
    found.push({ entry, at, rank: ranks.reduce((sum, rank) => sum + rank, whole) + (entry.quiet ? 0.5 : 0) });
  });
  return found.sort((one, other) => one.rank - other.rank || one.at - other.at).map(({ entry }) => entry);
}

function exactRank(word, label, also) {
  if (label.startsWith(word)) return 0;
  if (label.split(PARTS).some((part) => part.startsWith(word))) return 1;
  if (also.split(PARTS).some((part) => part.startsWith(word))) return 2;
  return label.includes(word) ? 3 : null;
}

function guessedRank(word, label, also) {
  const exact = exactRank(word, label, also);
  if (exact !== null || word.length < SHORTEST_GUESS) return exact;
  return [label, ...`${label} ${also}`.split(PARTS)].some((part) => beginsLike(part, word)) ? 4 : null;
}

// True when a part begins with the word but for one letter: another, too many, missing, or two that changed places.
const beginsLike = (part, word) => [-1, 0, 1].some((more) => word.length + more <= part.length && oneEdit(part.slice(0, word.length + more), word));

function oneEdit(one, other) {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  const [rest, typed] = [one.slice(at), other.slice(at)];
  if (rest.slice(1) === typed.slice(1) || rest.slice(1) === typed || rest === typed.slice(1)) return true;
  return rest.length > 1 && rest[0] === typed[1] && rest[1] === typed[0] && rest.slice(2) === typed.slice(2);
}

// Without case and accents: "padrao" finds "Padrão".
const fold = (text) => text.toLowerCase().normalize("NFD").replace(/\p{Mn}/gu, "");
