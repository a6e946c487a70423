// Lines as Markdown, for an issue or a chat: where they are, the way back to them, and what stood around them.
//
//     reportText({channel, time, url, lines: [{text, chosen}, …], left: 0})
//
//     `shop.web` · 2026-12-01 00:59:54.818 · [Open in sse-hub](<https://…>)
//
//     ```text
//       the line before
//     > the line that was chosen
//     ```

import { visibleLines } from "./text.js";
import { t } from "../i18n/translate.js";

/** `left` is how many lines more were chosen. Nothing in a line can end the block. */
export function reportText({ channel, time, url, lines, left }) {
  const body = lines.flatMap(({ text, chosen }) => visibleLines(text).split("\n").map((part) => `${chosen ? ">" : " "} ${part}`.trimEnd())).join("\n");
  const longest = Math.max(2, ...(body.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const head = `\`${channel}\` · ${time} · [${t("report.open")}](<${url}>)`;
  return [head, "", `${fence}text`, body, fence, ...(left > 0 ? ["", t("report.left", { n: left })] : []), ""].join("\n");
}
