// Lines out of the page: copied as they are shown or as they were published, or saved as a file. The selection is known by seq,
// so it may be far out of sight.

import { stripAnsi } from "../format/ansi.js";
import { formatIso } from "../format/format-time.js";
import { keyValues } from "../format/text.js";
import { zoneText } from "../format/zones.js";
import { t } from "../i18n/translate.js";
import { LEVELS } from "../normalise/levels.js";
import { COLUMNS, exportParts, fileName, mediaTypeOf } from "../store/export-file.js";
import { copyText } from "../views/clipboard.js";
import { openPrompt } from "../views/prompt.js";
import { toast } from "../views/toast.js";

const FORMATS = ["ndjson", "txt", "csv"];
const PAUSE_MS = 30;

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

  function* linesOf(scope) {
    for (const seq of seqsOf(scope)) yield { text: ring.text(seq), channel: ring.channel(seq), time: ring.arrivedAt(seq), publisherZone: workspace.ingest.zoneOf(ring.channel(seq)) };
  }

  async function save(scope, format) {
    const columns = [...COLUMNS, ...style.columns];
    const parts = [];
    let until = performance.now() + PAUSE_MS;
    for (const part of exportParts(linesOf(scope), format, { zone: settings.get("zone"), columns })) {
      parts.push(part);
      if (performance.now() < until) continue;
      await new Promise((done) => setTimeout(done));
      until = performance.now() + PAUSE_MS;
    }
    const url = URL.createObjectURL(new Blob(parts, { type: mediaTypeOf(format) }));
    download(url, fileName(format, workspace.channels, Date.now()));
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  function saveLog(format, span) {
    const query = new URLSearchParams(workspace.channels.map((channel) => ["channel", channel]));
    query.set("format", format);
    for (const [name, time] of Object.entries(span)) if (time.trim()) query.set(name, time.trim());
    download(`export?${query}`, fileName(format, workspace.channels, Date.now()));
  }

  function promptForExport() {
    const scopes = Object.fromEntries(["shown", "selected", "held", "log"].map((scope) => [scope, t(`export.${scope}`)]));
    const { range } = page.grid;
    openPrompt({
      title: t("command.export"),
      fields: [
        { name: "scope", label: t("export.scope"), type: "select", value: range && range[0] !== range[1] ? "selected" : "shown", options: scopes },
        { name: "format", label: t("export.format"), type: "select", value: "ndjson", options: Object.fromEntries(FORMATS.map((format) => [format, t(`export.${format}`)])) },
        { name: "since", label: t("export.since"), value: "-1h" },
        { name: "until", label: t("export.until") },
      ],
      hint: t("export.hint", { zone: zoneText(settings.get("zone"), Date.now()) }),
      label: t("export.go"),
      submit: ({ scope, format, ...span }) => (scope === "log" ? saveLog(format, span) : save(scope, format), null),
    });
  }

  function selectAll() {
    const { grid } = page;
    if (grid.list.first < grid.list.end) grid.selectAll();
  }

  $("[data-testid=export]").on("click", promptForExport);

  return {
    shownText,
    copyLine: (seq) => copyLines([seq], shownText),
    commands: {
      copy,
      copyJson: () => void copyLines(seqsOf("selected"), (seq) => ring.text(seq)),
      selectAll,
      export: promptForExport,
    },
  };
}

function download(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}
