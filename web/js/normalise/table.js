// The table of formats, which the terminal's reader reads, too, and its templates as regular expressions. docs/formats.md describes both.
//
//     compile("{year}-{month}")      {pattern: /^(?:([12][0-9]{3})-([01][0-9]))/, roles: ["year", "month"]}

import data from "../../../sse_hub/formats/table.json" with { type: "json" };

export const TABLE = data;

const TOKEN = /\\[^\n]|\[(?:\\[^\n]|[^\]\\])*\]|\{([A-Za-z_]\w*)(?:=(\w+))?\}| /g;

/** `{pattern, roles}` of a template: a regular expression for the beginning of a text, or for all of it, and the role of each group. */
export function compile(template, { whole = false } = {}) {
  const roles = [];
  const source = expand(template, roles);
  return { pattern: new RegExp(`^(?:${source})${whole ? "$" : ""}`), roles };
}

const expand = (template, roles) => template.replace(TOKEN, (token, role, piece) => {
  if (role === undefined) return token === " " ? "[ \\t]+" : token;
  if (role[0] === "_") return `(?:${expand(TABLE.pieces[role.slice(1)], roles)})`;
  roles.push(role);
  return `(${expand(TABLE.pieces[piece ?? role], [])})`;
});
