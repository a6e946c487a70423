// Marks over what was found, painted by the browser over the text (CSS highlights), so that rows, their elements and what is
// selected in them stay as they are.

const SKIPPED = new Set(["time", "level", "channel-tag"]);

/** Mark what is `wanted` (find.js; null: nothing) in these rows; in the row of `current` (a seq) more strongly. */
export function markRows(rows, wanted, current) {
  if (!window.CSS?.highlights) return;
  CSS.highlights.delete("found");
  CSS.highlights.delete("found-now");
  if (wanted === null) return;
  const found = [];
  const now = [];
  for (const row of rows) for (const range of rangesIn(row.element, wanted)) (row.seq === current ? now : found).push(range);
  CSS.highlights.set("found", new Highlight(...found));
  CSS.highlights.set("found-now", new Highlight(...now));
}

function rangesIn(element, wanted) {
  const nodes = textNodesOf(element);
  const text = nodes.map((node) => node.data).join("");
  const ranges = [];
  for (const { start, end } of wanted.marks(text)) {
    const [startContainer, startOffset] = placeOf(nodes, start);
    const [endContainer, endOffset] = placeOf(nodes, end, true);
    ranges.push(new StaticRange({ startContainer, startOffset, endContainer, endOffset }));
  }
  return ranges;
}

function textNodesOf(element) {
  const nodes = [];
  for (const cell of element.children) {
    if (SKIPPED.has(cell.className)) continue;
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) nodes.push(walker.currentNode);
  }
  return nodes;
}

function placeOf(nodes, offset, end = false) {
  let rest = offset;
  for (const node of nodes) {
    if (rest < node.length || (end && rest === node.length)) return [node, rest];
    rest -= node.length;
  }
  const last = nodes.at(-1);
  return [last, last.length];
}
