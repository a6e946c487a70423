// The text that is selected with the mouse in the lines, in one row or over several.
//
//     selectedIn(grids)     {grid, range: [seq, seq], text, box}: the first and last seq, the text if it is within one row, else null, and
//                           where it is in the window; or null if no text of these grids is selected

const PARTS = { spacer: ".spacer", outside: ".divider, .row-buttons" };

export function selectedIn(grids) {
  const selection = document.getSelection();
  if (!selection || selection.isCollapsed || selection.rangeCount === 0) return null;
  const grid = grids.find(({ stage }) => stage.querySelector(PARTS.spacer).contains(selection.anchorNode));
  if (!grid) return null;
  const range = selection.getRangeAt(0);
  const rows = grid.view.rows.filter(({ element }) => range.intersectsNode(element) && textIn(range, element) !== "");
  if (rows.length === 0) return null;
  const text = rows.length === 1 ? textIn(range, rows[0].element) : null;
  const [first, last] = [rows[0], rows.at(-1)].map(({ element }) => element.getBoundingClientRect());
  const { left } = text === null ? first : range.getBoundingClientRect();
  return { grid, range: [rows[0].seq, rows.at(-1).seq], text, box: { left, top: first.top, bottom: last.bottom } };
}

/** Give the selected text up. */
export const giveUpText = () => document.getSelection()?.removeAllRanges();

// The text of a row within a range, its cells with a blank between them. A browser would write each cell on a line of its own.
function textIn(range, row) {
  const cells = new Map();
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!range.intersectsNode(node) || node.parentElement.closest(PARTS.outside)) continue;
    const from = node === range.startContainer ? range.startOffset : 0;
    const to = node === range.endContainer ? range.endOffset : node.length;
    const cell = cellOf(node, row);
    cells.set(cell, (cells.get(cell) ?? "") + node.data.slice(from, to));
  }
  return [...cells.values()].filter(Boolean).join(" ");
}

// A cell, or a part of its content; the lines of an open row are one each.
function cellOf(node, row) {
  let part = node.parentElement;
  while (part.parentElement !== row && !part.parentElement.matches(".content, .more, .columns")) part = part.parentElement;
  return part;
}
