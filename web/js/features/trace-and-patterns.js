// What the hub is asked beyond the stream: the story of one trace over all channels, and which lines are new of late.

import { MARKERS } from "../protocol/channels.js";
import { formatAge, firstLine, keyValues, visible } from "../format/text.js";
import { ERROR, NONE } from "../normalise/levels.js";
import { quoted } from "../query/parse.js";
import { timeOfId } from "../protocol/ids.js";
import { formatNumber, t } from "../i18n/translate.js";
import { formatClock, formatDelta } from "../format/format-time.js";
import { openListing } from "../views/result-list.js";
import { toast } from "../views/toast.js";
import { errorText } from "../protocol/errors.js";
import { traceOf } from "./navigation.js";

const EVERYWHERE = "*";
const BACK_MS = 24 * 3_600_000;
const MAX_LINES = 500;
const MAX_CHANNELS = 8;

export function askingHub(page) {
  const { desk, settings, style } = page;
  const { ring } = desk;

  /** The lines of all channels that hold the trace id of a line, in the order of their times, while the hub looks for them. */
  async function story(seq = page.grid.selected) {
    const id = seq === null || ring.isNote(seq) ? null : traceOf(style.recordOf(ring, seq));
    if (id === null) return toast(t("jump.noTrace"));
    const since = timeOfId(ring.id(seq)) - BACK_MS;
    let lines = [];
    const channels = () => [...new Set(lines.map(({ channel }) => channel))].slice(0, MAX_CHANNELS);
    const listing = openListing(t("story.title", { id: id.slice(0, 64) }), [
      { label: t("story.open"), run: () => openAll() },
    ]);
    // A channel that joins others brings its lines from then on: all are opened anew, as far back as the story goes.
    async function openAll() {
      const [oldest] = lines;
      if (!oldest) return;
      page.change(channels(), true);
      page.ask({ text: quoted(id) });
      await desk.settled;
      await desk.older.until(() => ring.held > 0 && ring.moment(ring.first) <= oldest.record.ts);
    }
    let lookedAt = 0;
    let before = null;
    for (let more = true; more && !listing.closed && lines.length < MAX_LINES; ) {
      const page_ = await ask("search", { channel: EVERYWHERE, text: id, after: new Date(since).toISOString(), ...(before ? { before } : {}) });
      if (page_.fault) return listing.show(page_.fault, itemsOf(lines));
      lines = [...page_.lines.map(lineOf), ...lines].sort((one, other) => one.record.ts - other.record.ts);
      lookedAt += page_.looked_at;
      before = page_.reached;
      more = page_.more;
      if (!listing.closed) listing.show(t(more ? "story.looking" : "story.done", { n: lines.length, looked: lookedAt, channels: channels().length }), itemsOf(lines));
    }
    return undefined;
  }

  const lineOf = ([id, channel, text]) => ({ id, channel, record: style.read(text, timeOfId(id)) });

  const itemsOf = (lines) =>
    lines.map(({ id, channel, record }, at) => ({
      time: formatClock(record.ts, settings.get("zone")),
      channel,
      level: record.lvl,
      text: visible(firstLine(record.msg ?? keyValues(record.fields))).slice(0, 300),
      note: at > 0 ? formatDelta(record.ts - lines[at - 1].record.ts) : "",
      run: () => page.goToLine({ channel, id }),
    }));

  /** The messages that came for the first time within the last hour; errors first. */
  async function news() {
    const listing = openListing(t("act.news"));
    const { fault, since, patterns } = await ask("patterns", { channel: EVERYWHERE });
    if (fault) return listing.show(fault, []);
    const now = Date.now();
    const items = patterns.filter(({ channel }) => channel !== MARKERS).sort((one, other) => other.error - one.error).map(({ channel, pattern, error, count, first }) => ({
      time: t("time.ago", { age: formatAge(now - Date.parse(first)) }),
      channel,
      level: error ? ERROR : NONE,
      text: visible(pattern),
      note: `×${formatNumber(count)}`,
      run: () => (page.change([channel]), page.ask({ text: expressionOf(pattern) })),
    }));
    listing.show(t(items.length > 0 ? "news.since" : "news.nothing", { time: formatClock(Date.parse(since), settings.get("zone")).slice(0, 8) }), items);
    return undefined;
  }

  return { act: { story: () => void story(), news: () => void news() } };
}

/** A mask as an expression of the filter: `order # paid` finds what it was made of. */
export const expressionOf = (mask) => `/${mask.split("#").map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("[^ ]+")}/`;

async function ask(path, query) {
  try {
    const answer = await fetch(`${path}?${new URLSearchParams(query)}`);
    return answer.ok ? await answer.json() : { fault: await errorText(answer) };
  } catch {
    return { fault: t("publish.unreachable") };
  }
}
