// How the open channels are told apart in rows and lists: a short text for each, and a colour that none of the others has, as far as
// there are enough.
//
//     const marks = new ChannelMarks();
//     marks.show(["shop.api", "shop.mail"]);
//     marks.of("shop.api")  ->  { text: "api", hue: 3, shape: 0 }

import { shortNames } from "../format/channel-names.js";
import { hueOf } from "../protocol/channels.js";

const HUES = 8;
const SHAPES = 3;

export class ChannelMarks {
  #marks = new Map();

  /** These channels are open. Those that stay open keep their colours. True when the marks of any have changed. */
  show(names) {
    const texts = shortNames(names);
    const kept = [...this.#marks].filter(([name]) => texts.has(name));
    const next = new Map(kept.map(([name, mark]) => [name, { ...mark, text: texts.get(name) }]));
    const used = new Array(HUES * SHAPES).fill(0);
    for (const { hue, shape } of next.values()) used[shape * HUES + hue] += 1;
    for (const [name, text] of texts) if (!next.has(name)) next.set(name, { text, ...freeOf(used, hueOf(name)) });
    const same = next.size === this.#marks.size && [...next].every(([name, { text }]) => this.#marks.get(name)?.text === text);
    this.#marks = next;
    return !same;
  }

  /** The mark of a channel; one that is not open has its whole name. */
  of(name) {
    return this.#marks.get(name) ?? { text: name, hue: hueOf(name), shape: 0 };
  }
}

// The colour of the name if it is free, else the next one; when all are taken, another shape.
function freeOf(used, wanted) {
  const least = Math.min(...used);
  for (let shape = 0; shape < SHAPES; shape += 1) {
    for (let step = 0; step < HUES; step += 1) {
      const hue = (wanted + step) % HUES;
      if (used[shape * HUES + hue] > least) continue;
      used[shape * HUES + hue] += 1;
      return { hue, shape };
    }
  }
  return { hue: wanted, shape: 0 };
}
