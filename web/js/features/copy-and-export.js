// Lines out of the page: copied as they are shown or as they were published, or saved as a file (export-lines.js). The selection is
// known by seq, so it may be far out of sight.

import { stripAnsi } from "../format/ansi.js";
import { formatIso } from "../format/format-time.js";
import { keyValues } from "../format/text.js";
import { t } from "../i18n/translate.js";
import { LEVELS } from "../normalise/levels.js";
import { copyText } from "../views/clipboard.js";
import { loadLater } from "../views/later.js";
import { toast } from "../views/toast.js";

export function addCopyAndExport(page) {
  const { workspace, settings, style } = page;
  const { ring } = workspace;

  // The seqs of the lines that are selected, shown or held.
  function* seqsOf(scope) {
    if (scope === "held") {
      for (let seq = ring.first; seq < ring.end; seq += 1) if (!ring.isNote(seq)) yield seq;
      return;
    }
    if (scope === "shown") return yield* seqsIn(workspace.list);
    const { grid, range } = page.marked ?? { grid: page.grid, range: page.grid.range };
    if (range !== null) yield* seqsIn(grid.list, range);
  }

  function* seqsIn(list, range = null) {
    for (let row = range ? list.firstRowFrom(range[0]) : list.first; row < list.end; row += 1) {
      const seq = list.seqAt(row);
      if (range && seq > range[1]) return;
      if (ring.isNote(seq)) continue;
      yield seq;
      yield* list.foldedSeqs(row);
    }
  }

  function shownText(seq) {
    if (ring.headOf(seq) !== null) return stripAnsi(style.recordOf(ring, seq).msg ?? ring.text(seq));
    const { lvl, lvlRaw, logger, msg, err, fields, raw } = style.recordOf(ring, seq);
    const head = [formatIso(ring.shownTime(seq), settings.get("zone")), lvl > 0 ? LEVELS[lvl].toUpperCase() : lvlRaw, logger, msg ?? (keyValues(fields) || raw)];
    const tail = msg === null ? "" : keyValues(fields);
    return stripAnsi([[...head, tail].filter(Boolean).join(" "), err?.stack ?? ""].filter(Boolean).join("\n"));
  }

  async function copyLines(seqs, toText) {
    const lines = Array.from(seqs, toText);
    if (lines.length === 0) return toast(t("copy.none"));
    return toast((await copyText(lines.join("\n"))) ? t("copy.done", { n: lines.length }) : t("drawer.denied"));
  }

  async function copyOne(text) {
    toast(t((await copyText(text)) ? "drawer.copied" : "drawer.denied"));
  }

  function copy(event) {
    // The browser copies the text that is selected with the mouse.
    if (event?.ctrlKey || event?.metaKey) if (document.getSelection()?.isCollapsed === false) return "browser";
    copyLines(seqsOf("selected"), shownText);
    return null;
  }

  async function openExport() {
    const module = await loadLater(() => import("./export-lines.js"));
    module?.openExport(page, seqsOf);
  }

  function selectAll() {
    const { grid } = page;
    if (grid.list.first < grid.list.end) grid.selectAll();
  }

  $("[data-testid=export]").on("click", openExport);

  const copyJson = () => void copyLines(seqsOf("selected"), (seq) => ring.text(seq));

  return {
    shownText,
    copyLine: (seq) => copyLines([seq], shownText),
    copy,
    copyJson,
    copyText: copyOne,
    /** `{text, n}` of the lines from one seq to another in a grid, as they are copied. */
    textOf(grid, range) {
      const lines = Array.from(seqsIn(grid.list, range), shownText);
      return { text: lines.join("\n"), n: lines.length };
    },
    commands: {
      copy,
      copyJson,
      selectAll,
      export: () => void openExport(),
    },
  };
}
