// Channel names as a tree: those with the same first parts are a group, if they are many.
//
//     groupNames(["docker.a1", … "docker.a9", "shop.api"])
//         ->  [{ label: "docker", prefix: "docker.", names: ["docker.a1", …], children: [{ label: "a1", name: "docker.a1" }, …] },
//              { label: "shop.api", name: "shop.api" }]
//
// Parts end at "." and "/". A crowd that these leave together is parted at "-", "_", ":" and "@" too, as names of containers are.

import { commonLength } from "../format/channel-names.js";

const STRONG = /[./]/;
const WEAK = /[./:_@-]/;
const FEWEST = 8;
const CROWD = 40;

/** The tree of these names. The label of a node leaves out what its group is named after. */
export const groupNames = (names) => childrenOf([...names].sort(), 0);

function childrenOf(names, from) {
  const nodes = split(names, from, from, STRONG);
  const single = nodes.filter(({ name }) => name !== undefined).map(({ name }) => name);
  if (single.length <= CROWD) return nodes;
  // What all of them begin with parts none of them.
  let shared = Math.max(from, commonLength(single[0], single.at(-1)));
  while (shared > from && !WEAK.test(single[0][shared - 1])) shared -= 1;
  const parted = split(single, from, shared, WEAK);
  return [...nodes.filter(({ name }) => name === undefined), ...parted].sort((one, other) => (one.label < other.label ? -1 : 1));
}

// The nodes of sorted names, by what stands up to the first separator from `at` on. Labels begin at `from`.
function split(names, from, at, separator) {
  const nodes = [];
  for (let start = 0, end; start < names.length; start = end) {
    const prefix = prefixOf(names[start], at, separator);
    end = start + 1;
    while (prefix !== null && end < names.length && names[end].startsWith(prefix) && names[end].length > prefix.length) end += 1;
    const members = names.slice(start, end);
    if (members.length < FEWEST) nodes.push(...members.map((name) => ({ label: name.slice(from), name })));
    else nodes.push(groupOf(members, from, prefix, separator));
  }
  return nodes;
}

// A group takes in all parts that its members share: one row, not one for each. A crowd does not: it is named by what parts it.
function groupOf(members, from, begun, separator) {
  let length = separator === WEAK ? begun.length : Math.min(commonLength(members[0], members.at(-1)), Math.min(...members.map((name) => name.length)) - 1);
  while (length > begun.length && !separator.test(members[0][length - 1])) length -= 1;
  const prefix = members[0].slice(0, length);
  return { label: prefix.slice(from, -1), prefix, names: members, children: childrenOf(members, length) };
}

function prefixOf(name, at, separator) {
  const end = name.slice(at).search(separator);
  return end < 0 || at + end + 1 >= name.length ? null : name.slice(0, at + end + 1);
}
