// How long to wait before the next attempt: 0.5 s, doubled up to 15 s. Half of it is random, so that a thousand pages that lost
// the same hub do not reconnect at the same instant.

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** The delay in ms before an attempt, counted from 0. */
export function retryDelayMs(attempt, random = Math.random) {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(full * (0.5 + random() / 2));
}
