// Text in parts that look different: tokens, terminal colours, highlight rules. Each layer is a list of spans
// `{start, end, className, colour, background, href}`, in order and without overlaps; where layers overlap, the later one wins.

// The eight colours of a terminal. The bright ones look the same: all are bright enough on this page.
const TERMINAL = ["ansi-0", "error", "success", "warn", "accent", "fatal", "src", "ansi-7"];
const ANSI = { bold: "ansi-bold", dim: "ansi-dim", italic: "ansi-italic", underline: "ansi-underline", strike: "ansi-strike" };

/** Fill an element with a text and its layers. */
export function highlightText(element, text, layers) {
  const used = layers.filter((layer) => layer.length > 0);
  if (used.length === 0) {
    element.textContent = text;
    return;
  }
  if (used.length === 1) {
    element.replaceChildren(...splitByLayer(text, used[0]));
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
    element.append(styledNode(text.slice(start, order[index + 1]), spans));
  }
}

// The quick way for one layer, which nearly all rows have.
function splitByLayer(text, layer) {
  const nodes = [];
  let at = 0;
  for (const span of layer) {
    const end = Math.min(span.end, text.length);
    if (span.start >= end) continue;
    if (span.start > at) nodes.push(text.slice(at, span.start));
    nodes.push(styledNode(text.slice(span.start, end), [span]));
    at = end;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

function styledNode(text, spans) {
  if (spans.length === 0) return document.createTextNode(text);
  const [only] = spans;
  const merged = spans.length === 1 ? { ...only, className: only.className ?? "" } : Object.assign({}, ...spans, { className: spans.map(({ className }) => className ?? "").join(" ") });
  const node = document.createElement(merged.href ? "a" : "span");
  node.className = merged.className.trim();
  node.textContent = text;
  if (merged.href) Object.assign(node, { href: merged.href, target: "_blank", rel: "noopener noreferrer", tabIndex: -1 });
  if (merged.colour) node.style.setProperty("color", merged.colour);
  if (merged.background) node.style.setProperty("background", merged.background);
  if (merged.rule) node.style.setProperty("--rule", merged.rule);
  return node;
}

/** The spans of a layer with the terminal colours (ansi.js) of the text between `from` and `to`. */
export function ansiLayer(spans, from, to) {
  const layer = [];
  let at = 0;
  for (const { text, style } of spans) {
    const start = Math.max(at, from) - from;
    const end = Math.min(at + text.length, to) - from;
    at += text.length;
    if (style !== null && end > start) layer.push({ start, end, ...appearanceOf(style) });
  }
  return layer;
}

function appearanceOf(style) {
  const [front, back] = style.inverse ? [style.bg ?? "bg", style.fg ?? "text"] : [style.fg, style.bg];
  const className = Object.keys(ANSI).filter((name) => style[name]).map((name) => ANSI[name]).join(" ");
  return { className, colour: colourOf(front), background: colourOf(back) };
}

const colourOf = (colour) => (typeof colour === "number" ? `var(--${TERMINAL[colour % 8]})` : colour === "bg" || colour === "text" ? `var(--${colour})` : colour);
