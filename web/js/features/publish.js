// What the page itself publishes, and only at the reader's request: a test line, and a marker that everybody sees.

import { t } from "../i18n/translate.js";
import { MARKERS, isPattern } from "../protocol/channels.js";
import { errorText } from "../protocol/errors.js";
import { openPrompt } from "../views/prompt.js";
import { toast } from "../views/toast.js";

export function addPublish(page) {
  const openNames = () => page.workspace.channels.filter((name) => !isPattern(name));

  async function publishTestLine() {
    const fault = await publish(openNames()[0], { level: "info", message: t("empty.testLine"), logger: "sse-hub.page" });
    if (fault) toast(fault);
  }

  function promptForMarker() {
    const names = openNames();
    const targets = { "": t("marker.all"), ...Object.fromEntries(names.map((name) => [name, name])) };
    openPrompt({
      title: t("command.marker"),
      fields: [
        { name: "text", label: t("marker.text"), placeholder: "deploy 1.2.3" },
        { name: "channel", label: t("fact.channel"), type: "select", value: names[0] ?? "", options: targets },
      ],
      hint: t("marker.hint"),
      label: t("marker.go"),
      submit({ text, channel }) {
        if (!text.trim()) return t("marker.fault");
        return publish(MARKERS, { "@event": "marker", ...(channel ? { channel } : {}), message: text.trim() });
      },
    });
  }

  return { commands: { marker: promptForMarker, testLine: publishTestLine } };
}

// Publishes one line; returns null, or what was wrong.
async function publish(channel, line) {
  try {
    const answer = await fetch(`publish?${new URLSearchParams({ channel })}`, { method: "POST", body: JSON.stringify(line) });
    return answer.ok ? null : await errorText(answer);
  } catch {
    return t("publish.unreachable");
  }
}
