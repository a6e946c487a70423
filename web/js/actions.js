// Everything the reader can do, in one table: for the keys, the palette, the help and the menu.
// `do` has a function for each name; the words are `act.<name>` in the language files.

const TABLE = [
  ["move", "next", ["j", "ArrowDown"]],
  ["move", "previous", ["k", "ArrowUp"]],
  ["move", "pageDown", ["PageDown"]],
  ["move", "pageUp", ["PageUp"]],
  ["move", "halfDown", ["d"]],
  ["move", "halfUp", ["u"]],
  ["move", "follow", ["G", "End"]],
  ["move", "oldest", ["g", "Home"]],
  ["move", "goToTime", ["t"]],
  ["move", "nextError", ["e"]],
  ["move", "previousError", ["E"]],
  ["move", "nextWarning", ["w"]],
  ["move", "previousWarning", ["W"]],
  ["move", "nextTrace", ["o"]],
  ["move", "previousTrace", ["O"]],
  ["look", "find", ["/", "Ctrl+F"]],
  ["look", "nextHit", ["n"]],
  ["look", "previousHit", ["N"]],
  ["look", "story", []],
  ["look", "filter", ["f"]],
  ["look", "lowest", ["1", "2", "3", "4", "5", "6"]],
  ["look", "allLevels", ["0"]],
  ["look", "context", ["x"]],
  ["look", "split", ["s"]],
  ["look", "wrap", ["z"]],
  ["look", "timeForm", ["T"]],
  ["look", "repeats", []],
  ["look", "plot", ["p"]],
  ["look", "rail", ["["]],
  ["look", "drawer", ["]"]],
  ["look", "hist", ["h"]],
  ["line", "open", ["Enter"]],
  ["line", "unfold", ["ArrowRight"]],
  ["line", "fold", ["ArrowLeft"]],
  ["line", "raw", ["r"]],
  ["line", "pin", ["m"]],
  ["line", "nextPin", ["'"]],
  ["line", "copy", ["c", "Ctrl+C"]],
  ["line", "copyJson", ["C"]],
  ["line", "link", ["l"]],
  ["line", "extendDown", ["J"]],
  ["line", "extendUp", ["K"]],
  ["line", "selectAll", ["Ctrl+A"]],
  ["page", "pause", ["Space"]],
  ["page", "palette", ["Ctrl+K"], true],
  ["page", "help", ["?"]],
  ["page", "marker", ["M"]],
  ["page", "export", []],
  ["page", "copyUrl", []],
  ["page", "rules", []],
  ["page", "alarm", []],
  ["page", "news", []],
  ["page", "close", ["Escape"]],
];

// What keys do that the page only passes on to.
const WORDLESS = new Set(["close"]);

/** `[{name, group, keys, everywhere, run(event)}, …]`, only of what `act` can do. */
export function actionsOf(act) {
  return TABLE.filter(([, name]) => name in act).map(([group, name, keys, everywhere = false]) => ({
    group, name, keys, everywhere, silent: WORDLESS.has(name), run: (event) => act[name](event),
  }));
}
