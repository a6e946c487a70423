// Event ids: `F-n`, the n-th line of its channel after fence F (ms since the epoch). A cursor over
// several channels is `F-n1.n2`; the part before the dash is a position every channel knows.

const ID = /^(\d{1,16})-(\d{1,15})$/;
const CURSOR = /^(\d{1,16})-\d/;

/** `{fence, count}`, or null for anything that is not an event id. */
export function parseId(id) {
  const match = ID.exec(id);
  return match && { fence: Number(match[1]), count: Number(match[2]) };
}

/** True when `id` stands after `last` on the same channel; ids are compared as two numbers, never as text. */
export const isAfter = (id, last) => id.fence > last.fence || (id.fence === last.fence && id.count > last.count);

/** The id of `cursor`'s fence alone, a position at or before the cursor in every channel: for a stream with another set of channels. */
export function bareFence(cursor) {
  const match = CURSOR.exec(cursor ?? "");
  return match && `${match[1]}-0`;
}

/** `{fence, count}` of an event id or, at its fence, of a cursor; null for anything else. */
export const positionOf = (id) => parseId(id) ?? parseId(bareFence(id));

/** The time of an event id in ms, or null. */
export function timeOfId(id) {
  const match = CURSOR.exec(id ?? "");
  return match && Number(match[1]);
}

/** The position of a gap: right before the first line after it. */
export function gapPosition({ after, before }) {
  const last = positionOf(after);
  return positionOf(before) ?? { fence: last?.fence ?? 0, count: (last?.count ?? -1) + 1 };
}
