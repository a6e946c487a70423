// JSON formats with keys of their own, from the table: which family an object belongs to, and what its rows do with it.

import { TABLE } from "./table.js";
import { valueAt } from "./names.js";

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isText = (value) => typeof value === "string";

const TYPES = {
  string: isText,
  number: (value) => typeof value === "number",
  object: isObject,
  array: Array.isArray,
  any: (value) => value !== undefined,
};
const FAMILIES = TABLE.json.families.map((family) => ({ ...family, conditions: family.has.map(conditionOf), read: Object.entries(family.read ?? {}), hidden: new Set(family.hide ?? []) }));

function conditionOf(text) {
  const [path, type] = text.replace("!", "").split(":");
  const [head] = path.split(".");
  return { path, head, fits: text[0] === "!" ? (value) => value === undefined : TYPES[type] };
}

/** The family of an object, a row of the table, or undefined. */
export const familyOf = (object) => FAMILIES.find(({ conditions }) => conditions.every(({ path, head, fits }) => fits(head === path || object[head] === undefined ? object[path] : valueAt(object, path))));

/** The message that a template makes of its values: `{Name}`, `{}` or `%s` filled in; undefined without a text. */
export function filledIn(object, { style, text, values }) {
  const template = valueAt(object, text);
  return isText(template) ? STYLES[style](template, valueAt(object, values)) : undefined;
}

// A longer text is no template, and values of more characters are not filled in: of a line of 1 MB, a text that names one value again and
// again would make gigabytes.
const LONGEST_FILLED = 65_536;

const STYLES = {
  braces: (template, values) => fill(template, /\{[@$]?(\w+)(?:[^\w{}][^{}]*)?\}/g, (whole, name) =>
    isObject(values) && Object.hasOwn(values, name) ? shown(values[name]) : whole,
  ),
  slots: (template, values) => inOrder(template, /\{\}/g, values),
  percent: (template, values) => inOrder(template, /%(?:%|[-+ #0]*(?:[1-9]\d*)?(?:\.\d+)?[sdrifxeg])/g, values),
};

function inOrder(template, signs, values) {
  const left = Array.isArray(values) ? values.values() : [].values();
  return fill(template, signs, (sign) => {
    if (sign === "%%") return "%";
    const next = left.next();
    return next.done ? sign : shown(next.value);
  });
}

function fill(template, signs, valueFor) {
  if (template.length > LONGEST_FILLED) return template;
  let room = LONGEST_FILLED;
  return template.replace(signs, (sign, name) => {
    if (room < 0) return sign;
    const value = valueFor(sign, name);
    room -= value.length;
    return room < 0 ? sign : value;
  });
}

const shown = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value));

/** Another view of an object, by the name of a conversion: `{object, fields}`, what to read and what becomes a field of its own. */
export const CONVERSIONS = {
  // OpenTelemetry: values are {stringValue: …}, attributes a list.
  otlp(object) {
    const { attributes, body, ...rest } = object;
    const text = isObject(body) ? plainOf(body) : body;
    const fields = {};
    for (const { key, value } of Array.isArray(attributes) ? attributes.filter(isObject) : []) {
      if (isText(key)) fields[key] = isObject(value) ? plainOf(value) : value;
    }
    return { object: text === undefined ? rest : { ...rest, body: isObject(text) ? JSON.stringify(text) : text }, fields };
  },
  // journald writes a message that is no text as a list of bytes.
  bytes(object) {
    const { MESSAGE: message } = object;
    const bytes = Array.isArray(message) && message.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256);
    return { object: bytes ? { ...object, MESSAGE: new TextDecoder().decode(Uint8Array.from(message)) } : object, fields: {} };
  },
};

function plainOf(value) {
  const [kind] = Object.keys(value);
  const inner = value[kind];
  if (kind === "intValue") return Number.isSafeInteger(Number(inner)) ? Number(inner) : inner;
  if (kind === "arrayValue") return (inner?.values ?? []).map((each) => (isObject(each) ? plainOf(each) : each));
  return /^(?:string|double|bool|bytes)Value$/.test(kind) ? inner : value;
}
