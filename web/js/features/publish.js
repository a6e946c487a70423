// What the page itself publishes, and only when asked to: a test line, a marker that all see.

import { MARKERS, isPattern } from "../protocol/channels.js";
import { errorText } from "../protocol/errors.js";
import { t } from "../i18n/translate.js";
import { askFor } from "../views/prompt.js";
import { toast } from "../views/toast.js";

const PARTS = { test: ".test-line" };

export function publishing(page) {
  const names = () => page.desk.channels.filter((name) => !isPattern(name));

  async function testLine() {
    const fault = await publish(names()[0], { level: "info", message: t("empty.testLine"), logger: "sse-hub.page" });
    if (fault) toast(fault);
  }

  function marker() {
    const open = names();
    const targets = { "": t("marker.all"), ...Object.fromEntries(open.map((name) => [name, name])) };
    askFor({
      title: t("act.marker"),
      fields: [
        { name: "text", label: t("marker.text"), placeholder: "deploy 1.2.3" },
        { name: "channel", label: t("fact.channel"), type: "select", value: open[0] ?? "", options: targets },
      ],
      hint: t("marker.hint"),
      go: t("marker.go"),
      act({ text, channel }) {
        if (!text.trim()) return t("marker.fault");
        return publish(MARKERS, { "@event": "marker", ...(channel ? { channel } : {}), message: text.trim() });
      },
    });
  }

  $(PARTS.test).on("click", testLine);
  return { act: { marker } };
}

/** Publish one line; null, or what was wrong. */
async function publish(channel, line) {
  try {
    const answer = await fetch(`publish?${new URLSearchParams({ channel })}`, { method: "POST", body: JSON.stringify(line) });
    return answer.ok ? null : await errorText(answer);
  } catch {
    return t("publish.unreachable");
  }
}
