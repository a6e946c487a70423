// Channel names where there is little room: the part that tells a name from the others, and the end that stays when it is cut. Pure.
//
//     shortNames(["shop.api", "shop.mail"])           ->  Map { "shop.api" => "api", "shop.mail" => "mail" }
//     headAndTail("service-with-a-long-name-039")     ->  ["service-with-a-long-na", "me-039"]
//     withoutChannel("shop.api.http", "shop.api")     ->  "http"

const STRONG = /[./]/;
const WEAK = /[./:_@-]/;
// A name of this length is read at a glance; a longer one is shortened where that leaves it unique.
const LONG = 20;
const TAIL = 6;
const LEAST_HEAD = 3;
// More names than anybody reads side by side are not looked through for the shortest part of each.
const MANY = 500;

/** The shortest part of each name, at the separators of names, that still tells all of them apart. */
export function shortNames(names) {
  const all = [...new Set(names)];
  if (all.length < 2) return new Map(all.map((name) => [name, name]));
  let parts = trimmed(all, STRONG);
  if (parts.some((part) => part.length > LONG)) parts = trimmed(parts, WEAK);
  return new Map(tellingTails(parts).map((part, at) => [all[at], part]));
}

/** A name as the part that is cut where there is no room, and its end, which stays. */
export function headAndTail(name) {
  const at = name.length > TAIL + LEAST_HEAD ? name.length - TAIL : name.length;
  return [name.slice(0, at), name.slice(at)];
}

/** A logger without what its channel says already. */
export function withoutChannel(logger, channel) {
  if (logger === channel || channel.endsWith(`.${logger}`) || channel.endsWith(`/${logger}`)) return "";
  const rest = logger.startsWith(channel) ? logger.slice(channel.length) : "";
  return rest.length > 1 && WEAK.test(rest[0]) ? rest.slice(1) : logger;
}

/** How many characters two texts have in common at their beginning. */
export function commonLength(one, other) {
  let at = 0;
  while (at < one.length && at < other.length && one[at] === other[at]) at += 1;
  return at;
}

function commonEnd(one, other) {
  let count = 0;
  while (count < one.length && count < other.length && one[one.length - 1 - count] === other[other.length - 1 - count]) count += 1;
  return count;
}

// Without what all begin and end with, as far as it ends at a separator and leaves something of each.
function trimmed(names, separator) {
  const [first, ...others] = names;
  const shortest = Math.min(...names.map((name) => name.length));
  let lead = Math.min(shortest - 1, ...others.map((name) => commonLength(first, name)));
  while (lead > 0 && !separator.test(first[lead - 1])) lead -= 1;
  let end = Math.min(shortest - lead - 1, ...others.map((name) => commonEnd(first, name)));
  while (end > 0 && !separator.test(first[first.length - end])) end -= 1;
  return names.map((name) => name.slice(lead, name.length - end));
}

// Long names without their beginnings, where the rest is the end of no other name.
function tellingTails(names) {
  if (names.length > MANY || names.every((name) => name.length <= LONG)) return names;
  const seen = new Map();
  for (const name of names) for (const tail of tailsOf(name)) seen.set(tail, (seen.get(tail) ?? 0) + 1);
  return names.map((name) => {
    if (name.length <= LONG) return name;
    const telling = tailsOf(name).filter((tail) => seen.get(tail) === 1);
    return telling.find((tail) => tail.length <= LONG) ?? telling.at(-1) ?? name;
  });
}

// A name and what stands after each of its separators, the longest first.
function tailsOf(name) {
  const tails = [name];
  for (let at = 1; at < name.length - 1; at += 1) if (WEAK.test(name[at])) tails.push(name.slice(at + 1));
  return tails;
}
