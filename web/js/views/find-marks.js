// Marks what was found: the browser paints over the text (CSS highlights), so that rows, their elements and the text selected in
// them stay as they are.

const SKIPPED = new Set(["time", "level", "channel-tag"]);

/** Mark the matches of `matcher` (matcher.js; null: none) in these rows, more strongly in the row of `current` (a seq). */
export function markRows(rows, matcher, current) {
  if (!window.CSS?.highlights) return;
  CSS.highlights.delete("found");
  CSS.highlights.delete("found-now");
  if (matcher === null) return;
  const found = [];
  const now = [];
  for (const row of rows) for (const range of rangesIn(row.element, matcher)) (row.seq === current ? now : found).push(range);
  CSS.highlights.set("found", new Highlight(...found));
  CSS.highlights.set("found-now", new Highlight(...now));
}

function rangesIn(element, matcher) {
  const nodes = textNodesOf(element);
  const text = nodes.map((node) => node.data).join("");
  const ranges = [];
  for (const { start, end } of matcher.marks(text)) {
    const [startContainer, startOffset] = positionIn(nodes, start);
    const [endContainer, endOffset] = positionIn(nodes, end, true);
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

function positionIn(nodes, offset, end = false) {
  let rest = offset;
  for (const node of nodes) {
    if (rest < node.length || (end && rest === node.length)) return [node, rest];
    rest -= node.length;
  }
  const last = nodes.at(-1);
  return [last, last.length];
}
