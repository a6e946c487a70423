// Orders the fields of the lines by their use to a reader. Pure.
//
//     rankFields(facets.summaries())      {first: [those to look at], more: [those of little use]}
//
// A field with 2 to 50 values divides the lines, and comes first; then numbers, of which the range says most. What is the same in all lines,
// what is another in each (ids), and what only a few lines have is of little use.

const MOST_VALUES = 50;
// Fewer numbers than this are more like names: a status, a priority.
const FEW_NUMBERS = 12;
const RARE_SHARE = 50;

/** `fields` as Facets.summaries() has them; `kept` are names that are always among the first. */
export function rankFields(fields, kept = new Set()) {
  const most = fields.reduce((found, { count }) => Math.max(found, count), 0);
  const ranked = fields.map((field) => ({ field, rank: kept.has(field.name) ? 0 : rankOf(field, most) }));
  ranked.sort((one, other) => one.rank - other.rank || other.field.count - one.field.count || (one.field.name < other.field.name ? -1 : 1));
  // Of a single line no field is more useful than another.
  const useless = ranked.some(({ rank }) => rank < 2) ? 2 : Infinity;
  return { first: ranked.filter(({ rank }) => rank < useless).map(({ field }) => field), more: ranked.filter(({ rank }) => rank >= useless).map(({ field }) => field) };
}

/** True for a field whose numbers are told as a range, not one by one. */
export const isRange = ({ numeric, many, distinct }) => numeric && (many || distinct > FEW_NUMBERS);

function rankOf(field, most) {
  const { name, count, many, distinct } = field;
  // An id is a number, too, where it is counted up.
  if (count * RARE_SHARE < most || (count === 1 && most > 2)) return 2;
  if (isRange(field)) return /(?:^|[._-])(?:id|ids|pid|tid|uid)$/i.test(name) || /[a-z](?:Id|ID)$/.test(name) ? 2 : 1;
  if (many || distinct > MOST_VALUES || distinct < 2) return 2;
  // Almost as many values as lines: an id of which few lines are held.
  return distinct > 10 && distinct * 2 > count ? 2 : 0;
}
