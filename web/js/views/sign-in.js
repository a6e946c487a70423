// Signing in: the page asks the hub once who the reader is. A hub that needs a token gets it from a form, and sets a cookie.
// Everything else on the page treats a 401 as any other error; after signing in the page reloads.
//
//     fetchIdentity() -> 401 -> the form -> POST login -> reload          200 -> "alice sees shop.*", sign out

import { loadLater } from "./later.js";

// The precision of the hub's Date header.
const DATE_PRECISION_MS = 1_000;
const EVERYTHING = { subject: null, subscribe: ["*"], publish: ["*"], operate: false, expires: null };

/**
 * Who the reader is: the hub's answer, with `signedIn: false` if it needs a token, and `clockSkew`, how many ms the browser's clock is
 * ahead of the hub's. Failed requests are handled elsewhere.
 */
export async function fetchIdentity() {
  const answer = await fetch("whoami").catch(() => null);
  const difference = Date.now() - Date.parse(answer?.headers.get("Date")) - DATE_PRECISION_MS / 2;
  const clockSkew = Math.abs(difference) > DATE_PRECISION_MS ? difference : 0;
  if (answer?.status === 401) return { ...EVERYTHING, clockSkew, signedIn: false };
  const identity = answer?.ok ? await answer.json().catch(() => ({})) : {};
  return { ...EVERYTHING, ...identity, clockSkew, signedIn: true };
}

/** Show the form if the reader has to sign in, or who is signed in; nothing on a hub without access control. */
export async function showIdentity(identity) {
  if (identity.signedIn && !identity.subject) return;
  const module = await loadLater(() => import("./sign-in-form.js"));
  if (!module) return;
  if (identity.signedIn) module.showSignedIn(identity);
  else module.openForm("");
}
