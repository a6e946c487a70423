// How long to wait before the next try: 0.5 s, doubled up to 15 s, and half of it by chance, so that
// a thousand pages that lost the same hub do not come back in the same instant.

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

export function retryDelayMs(attempt, random = Math.random) {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(full * (0.5 + random() / 2));
}
