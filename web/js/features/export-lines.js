// Lines saved as a file: those of the page, or those of the log with the filter of the page, which the hub applies.

import { logPages } from "../connection/log-pages.js";
import { noteText, rangeText } from "../format/messages.js";
import { zoneText } from "../format/zones.js";
import { t } from "../i18n/translate.js";
import { errorText } from "../protocol/errors.js";
import { timeOfId } from "../protocol/ids.js";
import { hubFilter, hubZone, logFilter } from "../query/hub-filter.js";
import { LOG_SCOPES, columnsToOffer, exportText, spanOf } from "../store/export-choice.js";
import { exportParts, fileName, mediaTypeOf } from "../store/export-file.js";
import { ExportDialog } from "../views/export-dialog.js";
import { toast } from "../views/toast.js";

const PREVIEWED = 3;
const LONGEST_PREVIEW = 2_000;
const PAUSE_MS = 30;
const TYPING_MS = 250;
const USUAL_SINCE = "-1h";

/** Open the dialog. `seqsOf(scope)` gives the seqs of the lines that are selected, shown or held. */
export function openExport(page, seqsOf) {
  const { workspace, settings, style } = page;
  const { ring, filter, channels } = workspace;
  const zone = settings.get("zone");
  const pinned = workspace.pinned?.q ?? null;
  const q = logFilter(filter, { zone, pinned });
  const typed = [pinned, hubFilter(filter, { zone })].filter(Boolean).join(" ");
  const counts = { selected: count(seqsOf("selected")), shown: count(seqsOf("shown")), held: ring.held };
  // What is being asked of the hub: how many lines there are, and the first of them.
  let looking = new AbortController();
  let checked = Promise.resolve(null);
  let saving = null;

  // One row that stands for many lines was only looked at.
  const { range } = page.marked ?? page.grid;
  const several = range !== null && range[0] !== range[1];
  const scopes = [...(several ? ["selected"] : []), "shown", ...(counts.selected > 0 && !several ? ["selected"] : []), "held", "log", ...(q ? ["logAll"] : [])];
  const labelOf = (name) => (name in counts ? t("export.scope.n", { scope: t(`export.${name}`), n: counts[name] }) : t(name === "log" && !q ? "export.logAll" : `export.${name}`));
  const dialog = new ExportDialog({
    scopes: scopes.map((name) => ({ name, label: labelOf(name) })),
    columns: columnsToOffer(style.columns, workspace.facets.fields({ top: 0 })),
    since: filter.range ? "" : USUAL_SINCE,
    hint: t("export.hint", { zone: zoneText(zone, Date.now()) }),
  }, { changed, save, closed: () => (looking.abort(), saving?.abort()) });

  const optionsOf = ({ format, columns }) => ({ zone, columns: format === "ndjson" ? [] : columns });
  const rowOf = (seq) => lineOf(ring.channel(seq), ring.text(seq), ring.arrivedAt(seq));
  const lineOf = (channel, text, time) => ({ text, channel, time, publisherZone: workspace.ingest.zoneOf(channel) });

  function* rowsOf(scope) {
    for (const seq of seqsOf(scope)) yield rowOf(seq);
  }

  const questionOf = ({ scope }, { since, until }) => ({ channels, q: scope === "log" ? q : "", zone: hubZone(zone, Date.now()), since, until });

  function say(choice, span, known, rows) {
    const lines = [...exportParts(rows, choice.format, optionsOf(choice))].join("").slice(0, LONGEST_PREVIEW);
    const columns = choice.format === "ndjson" ? null : choice.columns;
    const range = filter.range ? rangeText(filter.range, zone) : "";
    dialog.show(exportText({ ...choice, filter: typed, range, span, zone, channels, columns, count: known }), rows.length > 0 ? lines : "");
  }

  function changed(choice) {
    looking.abort();
    looking = new AbortController();
    checked = Promise.resolve(null);
    const span = spanOf(choice, { zone });
    dialog.showFault(null);
    if (!LOG_SCOPES.includes(choice.scope)) return say(choice, span, { n: counts[choice.scope] }, take(rowsOf(choice.scope), PREVIEWED));
    say(choice, span, null, []);
    if (!span.fault) checked = look(choice, span, looking.signal);
    return undefined;
  }

  // Asks the hub, once the reader has stopped typing. Returns what is wrong, or null.
  async function look(choice, span, signal) {
    await new Promise((done) => setTimeout(done, TYPING_MS));
    if (signal.aborted) return null;
    const question = questionOf(choice, span);
    const [known, { value: first }] = await Promise.all([countLines(question, signal), logPages(question, signal, PREVIEWED).next()]);
    if (signal.aborted) return null;
    const fault = known.fault ?? first?.fault ?? null;
    if (fault) dialog.showFault(fault);
    else say(choice, span, known, (first?.lines ?? []).slice(0, PREVIEWED).map(([, channel, text, moment]) => lineOf(channel, text, moment)));
    return fault;
  }

  async function save(choice) {
    const { scope, format } = choice;
    if (!LOG_SCOPES.includes(scope)) {
      await write(rowsOf(scope), choice);
      return dialog.close();
    }
    const span = spanOf(choice, { zone });
    const fault = span.fault ?? (await checked);
    if (fault) return dialog.showFault(fault);
    const question = questionOf(choice, span);
    if (format === "ndjson") {
      download(exportAddress(question), fileName(format, channels, Date.now()));
      return dialog.close();
    }
    return saveLog(question, choice);
  }

  // Columns are the page's: it reads the lines out of the log and writes the file itself.
  async function saveLog(question, choice) {
    saving = new AbortController();
    const { signal } = saving;
    const rows = [];
    let lines = 0;
    dialog.showProgress(t("export.saving", { n: 0 }));
    for await (const { fault, lines: read, gaps } of logPages(question, signal)) {
      if (fault) {
        dialog.showProgress(null);
        return dialog.showFault(fault);
      }
      lines += read.length;
      const notes = gaps.map((gap) => ({ note: noteText({ kind: "gap", ...gap, from: timeOfId(gap.after), to: timeOfId(gap.before) }, zone), channel: gap.channel, time: timeOfId(gap.before) }));
      rows.push(...[...notes, ...read.map(([, channel, text, moment]) => lineOf(channel, text, moment))].sort((one, other) => one.time - other.time));
      dialog.showProgress(t("export.saving", { n: lines }));
    }
    if (signal.aborted) return undefined;
    await write(rows, choice);
    dialog.close();
    return toast(t("export.saved", { n: lines }));
  }

  async function write(rows, choice) {
    const parts = [];
    let until = performance.now() + PAUSE_MS;
    for (const part of exportParts(rows, choice.format, optionsOf(choice))) {
      parts.push(part);
      if (performance.now() < until) continue;
      await new Promise((done) => setTimeout(done));
      until = performance.now() + PAUSE_MS;
    }
    const url = URL.createObjectURL(new Blob(parts, { type: mediaTypeOf(choice.format) }));
    download(url, fileName(choice.format, channels, Date.now()));
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  dialog.open();
}

const spanQuery = ({ channels, q, zone, since, until }) => {
  const query = new URLSearchParams(channels.map((channel) => ["channel", channel]));
  if (q) for (const [name, value] of [["q", q], ["zone", zone]]) query.set(name, value);
  for (const [name, time] of [["since", since], ["until", until]]) if (time !== null) query.set(name, new Date(time).toISOString());
  return query;
};

const exportAddress = (question) => `export?${spanQuery(question)}&format=ndjson`;

// How many lines there are, `{n, atLeast}`, as far as one answer of the hub reaches.
async function countLines(question, signal) {
  const query = spanQuery({ ...question, since: question.since ?? 0 });
  try {
    const answer = await fetch(`stats?${query}`, { signal });
    if (!answer.ok) return { fault: await errorText(answer) };
    const { count: n, more } = await answer.json();
    return { n, atLeast: more };
  } catch {
    return { fault: t("publish.unreachable") };
  }
}

function count(seqs) {
  let n = 0;
  for (const seq of seqs) n += Number.isFinite(seq);
  return n;
}

function take(rows, most) {
  const taken = [];
  for (const row of rows) {
    if (taken.push(row) >= most) break;
  }
  return taken;
}

function download(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}
