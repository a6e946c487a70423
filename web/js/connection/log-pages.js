// Reads recorded lines from old to new, page by page.
//
//     for await (const {lines, gaps, fault} of logPages({channels, q, zone, since, until}, signal)) …
//
// `since` and `until` are in ms or null. Each line is [id, channel, text, moment]; a `fault` says why there is no further page.

import { errorText } from "../protocol/errors.js";

const PAGE_LINES = 5_000;
const TIMEOUT_MS = 60_000;
const BEGINNING = "0-0";

export async function* logPages({ channels, q, zone, since, until }, signal, limit = PAGE_LINES) {
  let after = since === null ? BEGINNING : new Date(since).toISOString();
  const before = until === null ? null : new Date(until).toISOString();
  for (let more = true; more; ) {
    const page = await fetchPage({ channels, q, zone, after, before, limit }, signal);
    if (signal.aborted) return;
    if (page.fault) return void (yield page);
    const { lines, reached } = page;
    // A bound of time may bring lines of a second before it.
    yield { ...page, lines: lines.filter(([, , , moment]) => (since === null || moment >= since) && (until === null || moment < until)) };
    ({ more } = page);
    after = reached ?? lines.at(-1)?.[0];
    if (after === undefined) return;
  }
}

async function fetchPage({ channels, q, zone, after, before, limit }, signal) {
  const query = new URLSearchParams([...channels.map((channel) => ["channel", channel]), ["after", after], ["limit", String(limit)]]);
  if (before) query.set("before", before);
  if (q) for (const [name, value] of [["q", q], ["zone", zone]]) query.set(name, value);
  try {
    const answer = await fetch(`history?${query}`, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) });
    if (!answer.ok) return { fault: await errorText(answer) };
    const { lines, gaps = [], more, reached = null } = await answer.json();
    return { lines, gaps: gaps.filter((gap) => !isBeginning(gap)), more, reached };
  } catch (error) {
    return { fault: error.name === "TimeoutError" ? "the hub took too long" : "the hub cannot be reached" };
  }
}

// Before the log began nothing was recorded: that is no gap in it.
const isBeginning = (gap) => gap.after === "0-0" && gap.reason === "recorder-down";
