// Turns terminal colours into spans of text with a style and removes every other escape. Pure.
//
//     ansiSpans("\x1b[1;31mno\x1b[0m way")     [{text: "no", style: {bold: true, fg: 1}}, {text: " way", style: null}]
//     stripAnsi("\x1b[1;31mno\x1b[0m way")     "no way", for copying and searching
//
// `fg` and `bg` are 0 to 15, colours of the theme, or "#rrggbb". Other parts of a style: bold, dim, italic, underline, inverse, strike.

// A sequence without an end is matched as far as its characters are allowed in one, so that no text is read twice.
const ESCAPE = /\x1b+(?:\[([0-9;:?<=>]*)[ -/]*([@-~]?)|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~]?)|\x9b+[0-9;:?]*[ -/]*[@-~]?/g;
const ON = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" };
const OFF = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 29: ["strike"], 39: ["fg"], 49: ["bg"] };
const CUBE = [0, 95, 135, 175, 215, 255];

// One after the other, a megabyte of escapes would take longer than all else that is done to a line.
const RUN = new RegExp(`(?:${ESCAPE.source.replace(/\((?!\?)/g, "(?:")}){1,64}`, "g");

/** The text without any escape. */
export const stripAnsi = (text) => text.includes("\x1b") || text.includes("\x9b") ? text.replace(RUN, "") : text;

/** `[{text, style}, …]`; `style` is null for plain text. */
export function ansiSpans(text) {
  const spans = [];
  let style = null;
  let from = 0;
  const take = (to) => {
    if (to === from) return;
    const last = spans.at(-1);
    if (last && last.style === style) last.text += text.slice(from, to);
    else spans.push({ text: text.slice(from, to), style });
  };
  for (const match of text.matchAll(ESCAPE)) {
    take(match.index);
    from = match.index + match[0].length;
    if (match[2] === "m") style = applyCodes(style, match[1]);
  }
  take(text.length);
  return spans;
}

function applyCodes(style, codes) {
  const next = { ...style };
  const numbers = codes.split(/[;:]/).map(Number);
  for (let at = 0; at < numbers.length; at += 1) {
    const code = numbers[at];
    if (code === 0) for (const key of Object.keys(next)) delete next[key];
    else if (code in ON) next[ON[code]] = true;
    else if (code in OFF) for (const key of OFF[code]) delete next[key];
    else if (code === 38 || code === 48) at = extendedColour(next, code === 38 ? "fg" : "bg", numbers, at);
    else if (code >= 30 && code <= 37) next.fg = code - 30;
    else if (code >= 40 && code <= 47) next.bg = code - 40;
    else if (code >= 90 && code <= 97) next.fg = code - 82;
    else if (code >= 100 && code <= 107) next.bg = code - 92;
  }
  return Object.keys(next).length > 0 ? next : null;
}

// 38;5;n and 38;2;r;g;b. Returns the index of the last number used.
function extendedColour(style, key, numbers, at) {
  if (numbers[at + 1] === 5) {
    const colour = ofPalette(numbers[at + 2]);
    if (colour !== null) style[key] = colour;
    return at + 2;
  }
  if (numbers[at + 1] !== 2) return at + 1;
  const rgb = numbers.slice(at + 2, at + 5);
  if (rgb.length === 3 && rgb.every((part) => part >= 0 && part <= 255)) style[key] = hex(rgb);
  return at + 4;
}

function ofPalette(index) {
  if (!Number.isInteger(index) || index < 0 || index > 255) return null;
  if (index < 16) return index;
  if (index > 231) return hex(new Array(3).fill(8 + (index - 232) * 10));
  const cube = index - 16;
  return hex([CUBE[Math.floor(cube / 36)], CUBE[Math.floor(cube / 6) % 6], CUBE[cube % 6]]);
}

const hex = (parts) => `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
