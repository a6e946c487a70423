// Who reads: asks the hub once, and where it wants to know shows a field for a token, which becomes a cookie.
// Everything else on the page meets a 401 as any other error; after signing in the page begins anew.
//
//     GET whoami -> 401 -> the field -> POST login -> reload          200 -> "alice sees shop.*", sign out

import { wordsOf } from "./refusal.js";

// setTimeout takes no more.
const LONGEST_MS = 2 ** 31 - 1;

function shown(parent, tag, properties) {
  const element = Object.assign(document.createElement(tag), properties);
  parent.append(element);
  return element;
}

function askForToken(words) {
  const dialog = shown(document.body, "dialog", { className: "sign-in" });
  dialog.dataset.testid = "sign-in";
  const form = shown(dialog, "form", { method: "dialog" });
  shown(form, "h2", { textContent: "Sign in" });
  const label = shown(form, "label", { textContent: "Token " });
  const field = shown(label, "input", { className: "field", type: "password", autocomplete: "current-password", required: true });
  field.dataset.testid = "token";
  shown(form, "button", { className: "button", textContent: "Sign in" }).dataset.testid = "sign-in-button";
  const fault = shown(form, "p", { className: "rail-fault", role: "alert", textContent: words });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    fault.textContent = "";
    const body = JSON.stringify({ token: field.value.trim() });
    try {
      const answer = await fetch("login", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      if (answer.ok) location.reload();
      else fault.textContent = await wordsOf(answer);
    } catch {
      fault.textContent = "The hub can't be reached.";
    }
  });
  dialog.showModal();
}

async function signOut() {
  const answer = await fetch("logout", { method: "POST" }).catch(() => null);
  if (answer?.ok) location.reload();
}

function tell({ subject, subscribe, expires }) {
  const line = shown(document.querySelector(".rail"), "p", { className: "signed-in" });
  line.dataset.testid = "signed-in";
  shown(line, "span", { textContent: `${subject} sees ${subscribe.join(", ") || "nothing"} ` });
  if (!expires) return;
  shown(line, "button", { className: "link", textContent: "Sign out" }).addEventListener("click", signOut);
  const left = Math.max(0, expires * 1000 - Date.now());
  if (left < LONGEST_MS) setTimeout(() => askForToken("Your sign-in has ended."), left);
}

const answer = await fetch("whoami").catch(() => null);
if (answer?.status === 401) askForToken("");
else if (answer?.ok) {
  const who = await answer.json();
  // Nobody is asked here.
  if (who.subject) tell(who);
}
