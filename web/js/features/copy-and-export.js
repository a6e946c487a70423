// Lines out of the page: copied as they are shown or as they were published, or as a file. What is selected is known by seq,
// so it may be far out of sight.

import { exportParts, fileName, typeOf, COLUMNS } from "../store/export-file.js";
import { keyValues } from "../format/text.js";
import { stripAnsi } from "../format/ansi.js";
import { LEVELS } from "../normalise/levels.js";
import { t } from "../i18n/translate.js";
import { formatIso } from "../format/format-time.js";
import { askFor } from "../views/prompt.js";
import { copyText } from "../views/clipboard.js";
import { toast } from "../views/toast.js";
import { zoneWords } from "../format/zones.js";

const FORMATS = ["ndjson", "txt", "csv"];
const PAUSE_MS = 30;

export function copying(page) {
  const { desk, settings, style } = page;
  const { ring } = desk;

  /** Seqs of the lines that are selected, shown or held. */
  function* seqsOf(scope) {
    if (scope === "held") {
      for (let seq = ring.first; seq < ring.end; seq += 1) if (!ring.isNote(seq)) yield seq;
      return;
    }
    const { grid } = page;
    const range = scope === "selected" ? grid.range : null;
    if (scope === "selected" && range === null) return;
    const view = range ? grid.view : desk.view;
    const from = range ? view.placeOf(range[0]) : view.first;
    for (let place = from; place < view.end; place += 1) {
      const seq = view.at(place);
      if (range && seq > range[1]) return;
      if (ring.isNote(seq)) continue;
      yield seq;
      yield* view.foldedAt(place);
    }
  }

  function shownText(seq) {
    if (ring.headOf(seq) !== null) return stripAnsi(style.recordOf(ring, seq).msg ?? ring.text(seq));
    const { lvl, lvlRaw, logger, msg, err, ts, fields, raw } = style.recordOf(ring, seq);
    const head = [formatIso(ts, settings.get("zone")), lvl > 0 ? LEVELS[lvl].toUpperCase() : lvlRaw, logger, msg ?? (keyValues(fields) || raw)];
    const tail = msg === null ? "" : keyValues(fields);
    return stripAnsi([[...head, tail].filter(Boolean).join(" "), err?.stack ?? ""].filter(Boolean).join("\n"));
  }

  async function copyAll(seqs, textOf) {
    const lines = Array.from(seqs, textOf);
    if (lines.length === 0) return toast(t("copy.none"));
    toast((await copyText(lines.join("\n"))) ? t("copy.done", { n: lines.length }) : t("drawer.denied"));
  }

  function copy(event) {
    // What is marked with the mouse is the browser's to copy.
    if (event?.ctrlKey || event?.metaKey) if (document.getSelection()?.isCollapsed === false) return "browser";
    copyAll(seqsOf("selected"), shownText);
    return null;
  }

  function* linesOf(scope) {
    for (const seq of seqsOf(scope)) yield { text: ring.text(seq), channel: ring.channel(seq), time: ring.time(seq) };
  }

  async function save(scope, format) {
    const publisherZone = settings.get("publisherZone") === "auto" ? null : settings.get("publisherZone");
    const columns = [...COLUMNS, ...style.columns];
    const parts = [];
    let until = performance.now() + PAUSE_MS;
    for (const part of exportParts(linesOf(scope), format, { zone: settings.get("zone"), columns, publisherZone })) {
      parts.push(part);
      if (performance.now() < until) continue;
      await new Promise((done) => setTimeout(done));
      until = performance.now() + PAUSE_MS;
    }
    const url = URL.createObjectURL(new Blob(parts, { type: typeOf(format) }));
    download(url, fileName(format, desk.channels, Date.now()));
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  function saveStore(format, span) {
    const query = new URLSearchParams(desk.channels.map((channel) => ["channel", channel]));
    query.set("format", format);
    for (const [name, time] of Object.entries(span)) if (time.trim()) query.set(name, time.trim());
    download(`export?${query}`, fileName(format, desk.channels, Date.now()));
  }

  function exportLines() {
    const scopes = Object.fromEntries(["shown", "selected", "held", "store"].map((scope) => [scope, t(`export.${scope}`)]));
    askFor({
      title: t("act.export"),
      fields: [
        { name: "scope", label: t("export.scope"), type: "select", value: page.grid.range && page.grid.range[0] !== page.grid.range[1] ? "selected" : "shown", options: scopes },
        { name: "format", label: t("export.format"), type: "select", value: "ndjson", options: Object.fromEntries(FORMATS.map((format) => [format, t(`export.${format}`)])) },
        { name: "since", label: t("export.since"), value: "-1h" },
        { name: "until", label: t("export.until") },
      ],
      hint: t("export.hint", { zone: zoneWords(settings.get("zone"), Date.now()) }),
      go: t("export.go"),
      act: ({ scope, format, ...span }) => (scope === "store" ? saveStore(format, span) : save(scope, format), null),
    });
  }

  function selectAll() {
    const { grid } = page;
    if (grid.view.first < grid.view.end) grid.selectAll();
  }

  $("[data-testid=export]").on("click", exportLines);

  return {
    copyOne: (seq) => copyAll([seq], shownText),
    act: {
      copy,
      copyJson: () => void copyAll(seqsOf("selected"), (seq) => ring.text(seq)),
      selectAll,
      export: exportLines,
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
