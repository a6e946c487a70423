// A stack trace to be read: its errors on top, which lead to their places, the app's own frames, and those of libraries folded. Text only.

import { chainOf, stackParts } from "../format/stack-frames.js";
import { visible } from "../format/text.js";
import { t } from "../i18n/translate.js";
import { button } from "./button.js";

// Python writes the cause first, all others last.
const CAUSE_FIRST = /^[ |]*(?:During handling of the above exception|The above exception was the direct cause)/m;

/** The elements of a stack. */
export function stackView(stack) {
  const parts = stackParts(stack);
  const places = parts.map(({ lines }) => lines.map(lineOf));
  const $stack = $("<div>", { class: "stack", tabindex: 0, role: "region", "aria-label": t("drawer.exception") });
  $stack.append(parts.flatMap((part, at) => (part.frames === 0 ? places[at] : [folded(part, places[at])])));
  const chain = chainOf(parts);
  if (chain.length < 2) return [$stack];
  const $chain = $("<div>", { class: "stack-chain", role: "group", "aria-label": t("stack.chain"), "data-testid": "stack-chain" });
  const arrow = CAUSE_FIRST.test(stack) ? " → " : " ← ";
  chain.forEach(({ name, part, line }, at) => {
    const $name = button("link").text(name).on("click", () => places[part][line][0].scrollIntoView({ block: "center" }));
    $chain.append(at > 0 ? document.createTextNode(arrow) : "", $name);
  });
  return [$chain, $stack];
}

const lineOf = ({ text, kind }) => $("<div>", { class: kind === "library" ? "stack-line foreign" : "stack-line" }).text(visible(text) || " ");

function folded({ frames, library }, $lines) {
  const words = library === null ? t("stack.frames", { n: frames }) : t("stack.framesOf", { n: frames, library: visible(library) });
  return $("<details>", { class: "stack-folded", "data-testid": "stack-folded" }).append($("<summary>").text(words), $lines);
}
