// The form for a token, and who is signed in; loaded where a hub wants to know who the reader is.

import { errorText } from "../protocol/errors.js";
import { t } from "../i18n/translate.js";

const CHANNEL_LIST = ".rail";
// The longest time that setTimeout accepts.
const LONGEST_MS = 2 ** 31 - 1;

function append(parent, tag, properties) {
  const element = Object.assign(document.createElement(tag), properties);
  parent.append(element);
  return element;
}

export function openForm(message) {
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

export function showSignedIn({ subject, subscribe, expires }) {
  const line = append(document.querySelector(CHANNEL_LIST), "p", { className: "signed-in" });
  line.dataset.testid = "signed-in";
  const channels = subscribe.join(", ") || t("signIn.nothing");
  append(line, "span", { textContent: `${t("signIn.sees", { subject, channels })} ` });
  if (!expires) return;
  append(line, "button", { className: "link", textContent: t("signIn.out") }).addEventListener("click", signOut);
  const left = Math.max(0, expires * 1000 - Date.now());
  if (left < LONGEST_MS) setTimeout(() => openForm(t("signIn.ended")), left);
}
