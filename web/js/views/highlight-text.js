// Text in pieces that look different: tokens, terminal colours, highlight rules. Each layer is a list of spans
// `{start, end, className, colour, background, href}` in order, none over another; where layers meet, the later one decides.

// The eight colours of a terminal, and the bright ones, which are bright enough on this page as they are.
const TERMINAL = ["ansi-0", "error", "success", "warn", "accent", "fatal", "src", "ansi-7"];
const ANSI = { bold: "ansi-bold", dim: "ansi-dim", italic: "ansi-italic", underline: "ansi-underline", strike: "ansi-strike" };

/** Fill an element with a text and its layers. */
export function paintText(element, text, layers) {
  const used = layers.filter((layer) => layer.length > 0);
  if (used.length === 0) {
    element.textContent = text;
    return;
  }
  if (used.length === 1) {
    element.replaceChildren(...piecesOf(text, used[0]));
    return;
  }
  const edges = new Set([0, text.length]);
  for (const { start, end } of used.flat()) edges.add(Math.min(start, text.length)).add(Math.min(end, text.length));
  const order = [...edges].sort((one, other) => one - other);
  const at = used.map(() => 0);
  element.textContent = "";
  for (let index = 0; index + 1 < order.length; index += 1) {
    const start = order[index];
    const spans = used.flatMap((layer, number) => {
      while (at[number] < layer.length && layer[at[number]].end <= start) at[number] += 1;
      const span = layer[at[number]];
      return span && span.start <= start ? [span] : [];
    });
    element.append(pieceOf(text.slice(start, order[index + 1]), spans));
  }
}

// One layer, as nearly all rows have it, is cut without a look at where layers meet.
function piecesOf(text, layer) {
  const pieces = [];
  let at = 0;
  for (const span of layer) {
    const end = Math.min(span.end, text.length);
    if (span.start >= end) continue;
    if (span.start > at) pieces.push(text.slice(at, span.start));
    pieces.push(pieceOf(text.slice(span.start, end), [span]));
    at = end;
  }
  if (at < text.length) pieces.push(text.slice(at));
  return pieces;
}

function pieceOf(text, spans) {
  if (spans.length === 0) return document.createTextNode(text);
  const [only] = spans;
  const merged = spans.length === 1 ? { ...only, className: only.className ?? "" } : Object.assign({}, ...spans, { className: spans.map(({ className }) => className ?? "").join(" ") });
  const piece = document.createElement(merged.href ? "a" : "span");
  piece.className = merged.className.trim();
  piece.textContent = text;
  if (merged.href) Object.assign(piece, { href: merged.href, target: "_blank", rel: "noopener noreferrer", tabIndex: -1 });
  if (merged.colour) piece.style.setProperty("color", merged.colour);
  if (merged.background) piece.style.setProperty("background", merged.background);
  if (merged.rule) piece.style.setProperty("--rule", merged.rule);
  return piece;
}

/** The spans of a layer for text with terminal colours (ansi.js), whose first character is at `from` in it and which ends at `to`. */
export function ansiLayer(spans, from, to) {
  const layer = [];
  let at = 0;
  for (const { text, style } of spans) {
    const start = Math.max(at, from) - from;
    const end = Math.min(at + text.length, to) - from;
    at += text.length;
    if (style !== null && end > start) layer.push({ start, end, ...lookOf(style) });
  }
  return layer;
}

function lookOf(style) {
  const [front, back] = style.inverse ? [style.bg ?? "bg", style.fg ?? "text"] : [style.fg, style.bg];
  const className = Object.keys(ANSI).filter((name) => style[name]).map((name) => ANSI[name]).join(" ");
  return { className, colour: colourOf(front), background: colourOf(back) };
}

const colourOf = (colour) => (typeof colour === "number" ? `var(--${TERMINAL[colour % 8]})` : colour === "bg" || colour === "text" ? `var(--${colour})` : colour);
