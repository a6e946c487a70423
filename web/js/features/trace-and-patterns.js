// What the hub finds beyond the stream: all lines of a trace, over all channels, and the patterns of lines that are new.

import { formatClock, formatDelta } from "../format/format-time.js";
import { shownLine, formatAge, keyValues, visible } from "../format/text.js";
import { formatNumber, t } from "../i18n/translate.js";
import { ERROR, NONE } from "../normalise/levels.js";
import { traceIdOf } from "../normalise/trace.js";
import { MARKERS } from "../protocol/channels.js";
import { errorText } from "../protocol/errors.js";
import { timeOfId } from "../protocol/ids.js";
import { quote } from "../query/parse.js";
import { openResultList } from "../views/result-list.js";
import { toast } from "../views/toast.js";

const EVERYWHERE = "*";
const BACK_MS = 24 * 3_600_000;
const MAX_LINES = 500;
const MAX_CHANNELS = 8;

/** `showLine({channel, id})` brings a line of any channel into sight. */
export function addTraceAndPatterns(page, showLine) {
  const { workspace, settings, style } = page;
  const { ring } = workspace;

  // Lists the lines of all channels that hold the trace id of a line, in the order of their times, while the hub searches for them.
  async function showTrace(seq = page.grid.selected) {
    const id = seq === null || ring.isNote(seq) ? null : traceIdOf(style.recordOf(ring, seq));
    if (id === null) return toast(t("jump.noTrace"));
    const since = timeOfId(ring.id(seq)) - BACK_MS;
    let lines = [];
    const channels = () => [...new Set(lines.map(({ channel }) => channel))].slice(0, MAX_CHANNELS);
    const results = openResultList(t("trace.title", { id: id.slice(0, 64) }), [
      { label: t("trace.open"), run: () => openAll() },
    ]);
    // A channel that joins others brings its lines from then on only: reopen all of them, as far back as the trace goes.
    async function openAll() {
      const [oldest] = lines;
      if (!oldest) return;
      page.reopen(channels());
      page.setFilter({ text: quote(id) });
      await workspace.settled;
      await workspace.history.loadUntil(() => ring.held > 0 && ring.ownTime(ring.first) <= oldest.record.ts);
    }
    let searched = 0;
    let before = null;
    for (let more = true; more && !results.closed && lines.length < MAX_LINES; ) {
      const answer = await request("search", { channel: EVERYWHERE, text: id, after: new Date(since).toISOString(), ...(before ? { before } : {}) });
      if (answer.fault) return results.show(answer.fault, itemsOf(lines));
      lines = [...answer.lines.map(lineOf), ...lines].sort((one, other) => one.record.ts - other.record.ts);
      searched += answer.looked_at;
      before = answer.reached;
      more = answer.more;
      if (!results.closed) results.show(t(more ? "trace.searching" : "trace.done", { n: lines.length, searched, channels: channels().length }), itemsOf(lines));
    }
    return undefined;
  }

  const lineOf = ([id, channel, text, moment]) => ({ id, channel, record: style.parse(text, moment, channel) });

  const itemsOf = (lines) =>
    lines.map(({ id, channel, record }, index) => ({
      time: formatClock(record.ts, settings.get("zone")),
      channel,
      level: record.lvl,
      text: visible(shownLine(record.msg ?? keyValues(record.fields))).slice(0, 300),
      note: index > 0 ? formatDelta(record.ts - lines[index - 1].record.ts) : "",
      run: () => showLine({ channel, id }),
    }));

  // Lists the patterns of lines first seen within the last hour, errors first.
  async function showNewPatterns() {
    const results = openResultList(t("command.newPatterns"));
    const { fault, since, patterns } = await request("patterns", { channel: EVERYWHERE });
    if (fault) return results.show(fault, []);
    const now = Date.now();
    const items = patterns.filter(({ channel }) => channel !== MARKERS).sort((one, other) => other.error - one.error).map(({ channel, pattern, error, count, first }) => ({
      time: t("time.ago", { age: formatAge(now - Date.parse(first)) }),
      channel,
      level: error ? ERROR : NONE,
      text: visible(pattern),
      note: `×${formatNumber(count)}`,
      run: () => (page.changeChannels([channel]), page.setFilter({ text: expressionOf(pattern) })),
    }));
    results.show(t(items.length > 0 ? "patterns.since" : "patterns.none", { time: formatClock(Date.parse(since), settings.get("zone")).slice(0, 8) }), items);
    return undefined;
  }

  return { commands: { traceEverywhere: () => void showTrace(), newPatterns: () => void showNewPatterns() } };
}

/** A pattern as an expression of the filter: that of `order # paid` finds the lines the pattern was made of. */
export const expressionOf = (pattern) => `/${pattern.split("#").map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("[^ ]+")}/`;

async function request(path, query) {
  try {
    const answer = await fetch(`${path}?${new URLSearchParams(query)}`);
    return answer.ok ? await answer.json() : { fault: await errorText(answer) };
  } catch {
    return { fault: t("publish.unreachable") };
  }
}
