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
    const { grid } = page;
    const range = scope === "selected" ? grid.range : null;
    if (scope === "selected" && range === null) return;
    const list = range ? grid.list : workspace.list;
    const from = range ? list.firstRowFrom(range[0]) : list.first;
    for (let row = from; row < list.end; row += 1) {
      const seq = list.seqAt(row);
      if (range && seq > range[1]) return;
      if (ring.isNote(seq)) continue;
      yield seq;
      yield* list.foldedSeqs(row);
    }
  }

  function shownText(seq) {
    if (ring.headOf(seq) !== null) return stripAnsi(style.recordOf(ring, seq).msg ?? ring.text(seq));
    const { lvl, lvlRaw, logger, msg, err, ts, fields, raw } = style.recordOf(ring, seq);
    const head = [formatIso(ts, settings.get("zone")), lvl > 0 ? LEVELS[lvl].toUpperCase() : lvlRaw, logger, msg ?? (keyValues(fields) || raw)];
    const tail = msg === null ? "" : keyValues(fields);
    return stripAnsi([[...head, tail].filter(Boolean).join(" "), err?.stack ?? ""].filter(Boolean).join("\n"));
  }

  async function copyLines(seqs, toText) {
    const lines = Array.from(seqs, toText);
    if (lines.length === 0) return toast(t("copy.none"));
    return toast((await copyText(lines.join("\n"))) ? t("copy.done", { n: lines.length }) : t("drawer.denied"));
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

  return {
    copyLine: (seq) => copyLines([seq], shownText),
    commands: {
      copy,
      copyJson: () => void copyLines(seqsOf("selected"), (seq) => ring.text(seq)),
      selectAll,
      export: () => void openExport(),
    },
  };
}
