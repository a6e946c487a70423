// Compares the value of a field with the value in a query. Each function makes a test of one value.
//
//     equals(["u7", "u8"])(value)             as text or as a number; for an array, any of its items
//     compares(">=", "500")(value, name)      numbers, durations and sizes; raises SyntaxError for anything else
//
// Units: `took<10ms` matches "9.5 ms", "0.009s", and the number 9, which is ms unless its name says otherwise (took_us). A bare number
// compared with a size is bytes. Without a unit in the query, only plain numbers are compared, in text as well.

import { textOf, wellFormed } from "../format/text.js";
import { isNumber, parseQuantity, unitOfName } from "../format/units.js";

const SIGNS = {
  ">": (one, other) => one > other,
  ">=": (one, other) => one >= other,
  "<": (one, other) => one < other,
  "<=": (one, other) => one <= other,
};

export function equals(expected) {
  const texts = new Set(expected);
  const numbers = new Set(expected.filter(isNumber).filter((text) => Number.isSafeInteger(Math.trunc(Number(text)))).map(Number));
  const fits = (value) => {
    const text = wellFormed(textOf(value));
    return texts.has(text) || (numbers.size > 0 && isNumber(text) && numbers.has(Number(text)));
  };
  return (value) => (Array.isArray(value) ? value.some(fits) : fits(value));
}

export function compares(sign, expected) {
  const quantity = parseQuantity(expected);
  if (quantity === null) throw new SyntaxError(`${sign} needs a number, a duration or a size, such as 500, 10ms or 2MB`);
  const holds = SIGNS[sign];
  return (value, name) => {
    const number = quantityOf(value, name, quantity.kind);
    return number !== null && holds(number, quantity.value);
  };
}

function quantityOf(value, name, kind) {
  const text = typeof value === "number" ? String(value) : typeof value === "string" ? value : "";
  const own = parseQuantity(text);
  if (own === null) return null;
  if (own.kind === kind) return own.value;
  if (own.kind !== "number") return null;
  const unit = unitOfName(name);
  return unit?.kind === kind ? own.value * unit.factor : own.value;
}
