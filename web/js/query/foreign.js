// Recognises filters written in the syntax of other tools, and says what they are here. Pure.
//
//     translate("level:error AND NOT user:u7", ["user"])     {text: "level=error -user=u7", sure: true, hint: null}
//     translate("error | count", [])                         {text: "error", sure: false, hint: "count"}
//     translate("GET http://a/b", [])                        null
//
// `sure`: it can hardly be meant as a text, because it names fields that there are. Only then a filter may be replaced without asking.
// `hint` names what a filter can't do: "count" for the statistics, "query" for a statement without a condition.

import { levelOfWord } from "../normalise/levels.js";
import { parseQuery, quote } from "./parse.js";
import { fieldTerm } from "./terms.js";

const ALWAYS = ["level", "channel", "logger", "message", "msg"];
// Names that other tools have for what is called otherwise here.
const OWN_NAMES = { __proto__: null, "@l": "level", "@level": "level", severity: "level", loglevel: "level", "@m": "message", "@message": "message", "log.level": "level" };
const LONGEST = 1_000;

const QUOTED = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/y;
const LOGQL = /^\s*\{([^{}]*)\}\s*(.*)$/s;
const SQL = /^\s*select\b.*?\bfrom\b\s+(\S+)\s*(?:where\b(.*?))?(?:\b(?:group\s+by|order\s+by|limit)\b.*)?;?\s*$/is;
const JQ = /^\s*(?:select\s*\(\s*)?\.[A-Za-z_][\w.]*\s*(?:[=!<>]=|[<>])/;
const COUNTING = /^(?:count|stats|summari[sz]e|timechart|top|rare|sum|avg|rate|uniq|wc)\b/i;
const PARSERS = /^(?:json|logfmt|unpack|pattern|regexp|line_format|label_format|decolorize)\b/i;
const GREP = /^grep((?:\s+-[A-Za-z]+)*)\s+(.+)$/s;

/** What a text means that is written for another tool, or null. `fields` are the names of the fields of the lines held. */
export function translate(text, fields) {
  if (text.length > LONGEST || text.trim() === "") return null;
  const known = new Set([...ALWAYS, ...fields]);
  const found = ofLogql(text, known) ?? ofSql(text, known) ?? ofPipe(text, known) ?? ofJq(text, known) ?? ofWords(text, known);
  if (found === null || found.text.trim() === text.trim()) return null;
  return parseQuery(found.text).fault ? null : found;
}

const ownName = (name) => OWN_NAMES[name.toLowerCase()] ?? name.replace(/^@(?=[A-Za-z])/, "");

function unquote(word) {
  const [, inner] = /^(?:"(.*)"|'(.*)')$/s.exec(word)?.filter((part) => part !== undefined) ?? [null, word];
  return inner === word ? word : inner.replace(/\\(["'\\])/g, "$1");
}

// name, sign and value of another tool as a term.
function termOf(written, sign, value) {
  const name = ownName(written);
  const own = unquote(value);
  const not = sign.startsWith("!") || sign === "<>";
  if (sign.endsWith("~")) return `${not ? "-" : ""}${fieldTerm(name, "", { op: "exists" }).slice(0, -2)}~${quoteExpression(own)}`;
  if (/^(?:[<>]=?)$/.test(sign)) return fieldTerm(name, own, { op: sign });
  if (own === "*") return fieldTerm(name, "", { op: "exists", not });
  if (/\*/.test(own) && own === value && name !== "channel") return `${not ? "-" : ""}${fieldTerm(name, "", { op: "exists" }).slice(0, -2)}~${quoteExpression(globExpression(own))}`;
  return fieldTerm(name, name === "level" && levelOfWord(own) ? own.toLowerCase() : own, { not });
}

const globExpression = (glob) => `^${glob.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\/]/g, "\\$&")).join(".*")}$`;
const quoteExpression = (source) => (/[\s"()]/.test(source) ? `"${source.replaceAll('"', '\\"')}"` : source);

// {app="x", env!~"y"} |= "text" != "other" |~ "re" | json | level="error"
function ofLogql(text, known) {
  const match = LOGQL.exec(text);
  if (!match || !/^\s*(?:[\w.]+\s*(?:=~|!~|!=|=)\s*(?:"[^"]*"|`[^`]*`)\s*,?\s*)*$/.test(match[1])) return null;
  if (match[1].trim() === "" && !/^[|!]/.test(match[2])) return null;
  const terms = [...match[1].matchAll(/([\w.]+)\s*(=~|!~|!=|=)\s*["`]([^"`]*)["`]/g)].map(([, name, sign, value]) => termOf(name, sign.replace("=~", "~"), `"${value}"`));
  let hint = null;
  for (const [, sign, written] of match[2].matchAll(/(\|=|!=|\|~|!~|\|)\s*("(?:[^"\\]|\\.)*"|`[^`]*`|[^|]*)/g)) {
    const value = written.trim().replace(/^`(.*)`$/s, '"$1"');
    const label = /^([\w.]+)\s*(=~|!~|!=|==?|>=|<=|>|<)\s*(.+)$/s.exec(value);
    if (sign === "|=" || sign === "!=") terms.push(`${sign === "!=" ? "-" : ""}${quote(unquote(value))}`);
    else if (sign === "|~" || sign === "!~") terms.push(`${sign === "!~" ? "-" : ""}/${unquote(value).replace(/(?<!\\)\//g, "\\/")}/`);
    else if (label) terms.push(termOf(label[1], label[2].replace("=~", "~").replace("==", "="), label[3].trim()));
    else if (!PARSERS.test(value) && value !== "") hint = "count";
  }
  return { text: terms.join(" "), sure: [...match[1].matchAll(/([\w.]+)\s*[!=]/g)].every(([, name]) => known.has(name)), hint };
}

function ofSql(text, known) {
  const match = SQL.exec(text);
  if (!match) return null;
  const condition = match[2] ? ofWords(match[2].trim().replace(/\blike\s+'%?([^'%]*)%?'/gi, '~ "$1"').replace(/([\w.]+)\s+in\s*\(([^()]*)\)/gi, (_, name, list) => `(${list.split(",").map((value) => `${name} = ${value.trim()}`).join(" OR ")})`), known, true) : null;
  const counting = /\bcount\s*\(|\bgroup\s+by\b/i.test(text);
  return { text: condition?.text ?? "", sure: false, hint: counting ? "count" : condition ? null : "query" };
}

// error | count     error | grep -v health     level:error | stats count by user
function ofPipe(text, known) {
  const parts = splitAtPipes(text);
  if (parts.length < 2) return null;
  const [head, ...rest] = parts.map((part) => part.trim());
  const terms = [ofWords(head, known)?.text ?? head];
  let hint = null;
  for (const part of rest) {
    const grep = GREP.exec(part);
    if (grep) terms.push(`${/v/.test(grep[1]) ? "-" : ""}${quote(unquote(grep[2].trim()))}`);
    else if (COUNTING.test(part)) hint = "count";
    else if (/^(?:where|filter|search)\b/i.test(part)) terms.push(ofWords(part.replace(/^\w+\s+/, ""), known)?.text ?? part.replace(/^\w+\s+/, ""));
    else return null;
  }
  return { text: terms.filter((term) => term !== "" && term !== "*").join(" "), sure: false, hint };
}

function splitAtPipes(text) {
  const parts = [""];
  for (let at = 0; at < text.length; at += 1) {
    QUOTED.lastIndex = at;
    const quoted = QUOTED.exec(text);
    if (quoted) {
      parts[parts.length - 1] += quoted[0];
      at = QUOTED.lastIndex - 1;
    } else if (text[at] === "|" && text[at + 1] !== "|" && text[at - 1] !== "|") parts.push("");
    else parts[parts.length - 1] += text[at];
  }
  return parts;
}

// .level=="error"     select(.user.id > 5 and .level == "error")
function ofJq(text, known) {
  if (!JQ.test(text)) return null;
  const bare = text.trim().replace(/^select\s*\((.*)\)$/s, "$1");
  return ofWords(bare.replace(/(^|[\s(])\.(?=[A-Za-z_])/g, "$1"), known, true);
}

// Words of Lucene, KQL, Datadog and others: name:value, !word, NOT word, a AND b, name == "value". With `sql`, `and`, `or` and `not` in
// small letters too.
function ofWords(text, known, sql = false) {
  const words = wordsOf(text.replace(/&&/g, " AND ").replace(/\|\|/g, " OR "));
  if (words === null) return null;
  const out = [];
  let changed = /&&|\|\|/.test(text);
  let sure = false;
  let not = false;
  const isWord = (word, name) => word === name || ((sql || sure) && word.toLowerCase() === name.toLowerCase());
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at];
    const spaced = /^(?:==?|!=|<>|>=|<=|>|<|=~|!~|~|:)$/.test(words[at + 1] ?? "") && /^[\w.@]+$/.test(word) && words[at + 2] !== undefined;
    const field = spaced ? [null, "", word, words[at + 1], words[at + 2]] : fieldIn(word);
    if (isWord(word, "AND")) changed = true;
    else if (isWord(word, "NOT")) changed = not = true;
    else if (isWord(word, "OR")) {
      // Nothing is left of it at an end.
      if (out.length > 0 && at < words.length - 1) out.push("OR");
      if (word !== "OR") changed = true;
    } else {
      let term = word;
      if (field && (!spaced || sql || known.has(ownName(word)))) {
        const [, minus, name, sign, value] = field;
        term = `${minus ? "-" : ""}${termOf(name, sign.replace(/^==?$|^:$/, "=").replace("=~", "~"), value.replace(/^:/, ""))}`;
        if (spaced) at += 2;
        changed = true;
        // Unless it is quoted, name==value has a meaning here: the value =value.
        if (known.has(ownName(name)) && (spaced || sign !== "==" || /^["']/.test(value))) sure = true;
      } else if (/^![\w"']/.test(word)) {
        term = `-${word.slice(1)}`;
        changed = true;
      }
      out.push(not ? (term.startsWith("-") ? term.slice(1) : `-${term}`) : term);
      not = false;
    }
  }
  return changed && out.length > 0 ? { text: joinWords(out), sure, hint: null } : null;
}

// name:value, with a minus, a "!" or none before it. A value with a bracket is not read, nor a text that only looks like a field:
// http://a, 12:30, a::b, C:\.
function fieldIn(word) {
  const match = /^([-!]?)(@?[A-Za-z_][\w.@$-]*)(:(?:>=|<=|>|<)|==|:)((?:"[^"]*"|'[^']*'|[^\s"'()[\]{}]+)$)/.exec(word);
  if (!match) return null;
  const [, minus, name, sign, value] = match;
  if (sign === ":" && (/^[/\\:]/.test(value) || /^[A-Za-z]$/.test(name) || value === "*")) return null;
  return [null, minus, name, sign.length > 1 ? sign.replace(/^:/, "") : sign, value];
}

// Words, with the spaces in their quotes; brackets are words of their own. Null for a quote that is never closed.
function wordsOf(text) {
  const words = [];
  let word = "";
  const end = () => word !== "" && (words.push(word), (word = ""));
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    QUOTED.lastIndex = at;
    const quoted = char === '"' || char === "'" ? QUOTED.exec(text) : null;
    if (quoted) {
      word += quoted[0];
      at = QUOTED.lastIndex - 1;
    } else if (char === '"') return null;
    else if (/\s/.test(char)) end();
    else if (char === "(" && (word === "" || word === "-" || word === "!")) {
      words.push(`${word === "!" ? "-" : word}(`);
      word = "";
    } else if (char === ")" && !word.includes("(")) {
      end();
      words.push(")");
    } else word += char;
  }
  end();
  return words;
}

const joinWords = (words) => words.join(" ").replace(/\( /g, "(").replace(/ \)/g, ")");
