// Who reads: the hub is asked once, and where it wants to know, a field for a token shows, which becomes a cookie.
// Everything else on the page meets a 401 as any other error; after signing in the page begins anew.
//
//     whoAsks() -> 401 -> the field -> POST login -> reload          200 -> "alice sees shop.*", sign out

import { errorText } from "../protocol/errors.js";
import { t } from "../i18n/translate.js";

const RAIL = ".rail";
// setTimeout takes no more.
const LONGEST_MS = 2 ** 31 - 1;
// The hub's Date is in whole seconds.
const EXACT_MS = 1_000;
const EVERYTHING = { subject: null, subscribe: ["*"], publish: ["*"], expires: null };

/**
 * What the hub says of the reader, with `signedIn: false` where it wants a token, and by how many ms the browser's clock is `ahead` of
 * the hub's. A hub that does not answer is met elsewhere.
 */
export async function whoAsks() {
  const answer = await fetch("whoami").catch(() => null);
  const off = Date.now() - Date.parse(answer?.headers.get("Date")) - EXACT_MS / 2;
  const ahead = Math.abs(off) > EXACT_MS ? off : 0;
  if (answer?.status === 401) return { ...EVERYTHING, ahead, signedIn: false };
  const told = answer?.ok ? await answer.json().catch(() => ({})) : {};
  return { ...EVERYTHING, ...told, ahead, signedIn: true };
}

/** Show the field where it is wanted, else who is signed in; nothing where nobody is asked. */
export function showWho(who) {
  if (!who.signedIn) askForToken("");
  else if (who.subject) tell(who);
}

function shown(parent, tag, properties) {
  const element = Object.assign(document.createElement(tag), properties);
  parent.append(element);
  return element;
}

function askForToken(words) {
  const dialog = shown(document.body, "dialog", { className: "sign-in" });
  dialog.dataset.testid = "sign-in";
  const form = shown(dialog, "form", { method: "dialog" });
  shown(form, "h2", { textContent: t("signIn.title") });
  const label = shown(form, "label", { textContent: `${t("signIn.token")} ` });
  const field = shown(label, "input", { className: "field", type: "password", autocomplete: "current-password", required: true });
  field.dataset.testid = "token";
  shown(form, "button", { className: "button", textContent: t("signIn.title") }).dataset.testid = "sign-in-button";
  const fault = shown(form, "p", { className: "rail-fault", role: "alert", textContent: words });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    fault.textContent = "";
    const body = JSON.stringify({ token: field.value.trim() });
    try {
      const answer = await fetch("login", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      if (answer.ok) location.reload();
      else fault.textContent = await errorText(answer);
    } catch {
      fault.textContent = t("publish.unreachable");
    }
  });
  dialog.showModal();
}

async function signOut() {
  const answer = await fetch("logout", { method: "POST" }).catch(() => null);
  if (answer?.ok) location.reload();
}

function tell({ subject, subscribe, expires }) {
  const line = shown(document.querySelector(RAIL), "p", { className: "signed-in" });
  line.dataset.testid = "signed-in";
  const channels = subscribe.join(", ") || t("signIn.nothing");
  shown(line, "span", { textContent: `${t("signIn.sees", { subject, channels })} ` });
  if (!expires) return;
  shown(line, "button", { className: "link", textContent: t("signIn.out") }).addEventListener("click", signOut);
  const left = Math.max(0, expires * 1000 - Date.now());
  if (left < LONGEST_MS) setTimeout(() => askForToken(t("signIn.ended")), left);
}
