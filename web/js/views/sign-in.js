// Signing in: the page asks the hub once who the reader is. A hub that needs a token gets it from a form, and sets a cookie.
// Everything else on the page treats a 401 as any other error; after signing in the page reloads.
//
//     fetchIdentity() -> 401 -> the form -> POST login -> reload          200 -> "alice sees shop.*", sign out

import { errorText } from "../protocol/errors.js";
import { t } from "../i18n/translate.js";

const CHANNEL_LIST = ".rail";
// The longest time that setTimeout accepts.
const LONGEST_MS = 2 ** 31 - 1;
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
export function showIdentity(identity) {
  if (!identity.signedIn) openForm("");
  else if (identity.subject) showSignedIn(identity);
}

function append(parent, tag, properties) {
  const element = Object.assign(document.createElement(tag), properties);
  parent.append(element);
  return element;
}

function openForm(message) {
  const dialog = append(document.body, "dialog", { className: "sign-in" });
  dialog.dataset.testid = "sign-in";
  const form = append(dialog, "form", { method: "dialog" });
  append(form, "h2", { textContent: t("signIn.title") });
  const label = append(form, "label", { textContent: `${t("signIn.token")} ` });
  const field = append(label, "input", { className: "field", type: "password", autocomplete: "current-password", required: true });
  field.dataset.testid = "token";
  append(form, "button", { className: "button", textContent: t("signIn.title") }).dataset.testid = "sign-in-button";
  const fault = append(form, "p", { className: "rail-fault", role: "alert", textContent: message });
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

function showSignedIn({ subject, subscribe, expires }) {
  const line = append(document.querySelector(CHANNEL_LIST), "p", { className: "signed-in" });
  line.dataset.testid = "signed-in";
  const channels = subscribe.join(", ") || t("signIn.nothing");
  append(line, "span", { textContent: `${t("signIn.sees", { subject, channels })} ` });
  if (!expires) return;
  append(line, "button", { className: "link", textContent: t("signIn.out") }).addEventListener("click", signOut);
  const left = Math.max(0, expires * 1000 - Date.now());
  if (left < LONGEST_MS) setTimeout(() => openForm(t("signIn.ended")), left);
}
