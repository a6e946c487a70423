// Stack traces as rows show them: which frames belong to a library. Pure.
//
//     stackLines(record.err.stack)     [{text, kind}, …]; kinds: "frame", "library" (dimmed), "code" (below a frame), "text" (the rest)
//     stackParts(record.err.stack)     [{lines: [{text, kind}, …], frames, library}, …]: `frames` is 0, or how many frames of a library are
//                                      folded, and `library` its name, if they are all of one
//     chainOf(parts)                   [{name: "IOException", part, line}, …] of the errors in a stack, with where they are

const FRAME = /^[>\s]*(?:File "|at \S|[\w./@~-]+\.go:\d+|\t)/;
// A path outside the application.
const LIBRARY = new RegExp(
  "site-packages|dist-packages|/lib(?:64)?/python\\d|<frozen |node_modules|\\(?node:|internal/|/usr/(?:lib|local/go)/|/go/pkg/mod/|" +
    "\\bat (?:[\\w.]+/)?(?:java|javax|jdk|sun|kotlin|scala|org\\.(?:springframework|apache|eclipse|hibernate|junit)|io\\.netty)\\.|\\bat System\\.|rustc/",
);

/** The lines of a stack, each with its kind. */
export function stackLines(stack) {
  let above = "text";
  return stack.trimEnd().split("\n").map((text) => {
    if (FRAME.test(text)) above = LIBRARY.test(text) ? "library" : "frame";
    // Python puts the code below its frame; both are dimmed.
    else if (/^\s+\S/.test(text) && above !== "text") return { text, kind: above === "library" ? "library" : "code" };
    else above = "text";
    return { text, kind: above };
  });
}

const FOLDED = 3;
// The line of an error: its type, with or without a message.
const ERROR_LINE = /^[ \t|+]*(?:Caused by: |Suppressed: |---> |Wrapped by: |Exception in thread "[^"]*" )?(?:[\w$]+(?:\.|::|\\))*([A-Z][\w$]*(?:Exception|Error|Throwable|Failure|Warning|Interrupt|Exit))(?::| |\(|$)/;
const LIBRARIES = [
  /(?:site|dist)-packages\/([^/"]+)/, /node_modules\/((?:@[^/]+\/)?[^/]+)/, /\/go\/pkg\/mod\/([^@]+)/, /\bat (?:[\w.]+\/)?(\w+\.\w+)\.[\w.$<>]+\(/,
];

const libraryOf = (text) => LIBRARIES.reduce((found, pattern) => found ?? pattern.exec(text)?.[1] ?? null, null);

/** The lines of a stack in parts: what is shown, and frames of libraries in a row, which are folded. */
export function stackParts(stack) {
  const parts = [];
  for (const line of stackLines(stack)) {
    const folds = line.kind === "library";
    if (parts.length === 0 || folds !== parts.at(-1).folds) parts.push({ folds, lines: [] });
    parts.at(-1).lines.push(line);
  }
  return parts.map(({ folds, lines }) => {
    const frames = folds ? lines.filter(({ text }) => FRAME.test(text)) : [];
    if (frames.length < FOLDED) return { lines, frames: 0, library: null };
    const names = new Set(frames.map(({ text }) => libraryOf(text)));
    return { lines, frames: frames.length, library: names.size === 1 ? [...names][0] : null };
  });
}

/** The errors of a stack, in their order. */
export function chainOf(parts) {
  return parts.flatMap(({ lines }, part) => lines.flatMap(({ text, kind }, line) => {
    const found = kind === "text" ? ERROR_LINE.exec(text) : null;
    return found ? [{ name: found[1], part, line }] : [];
  }));
}
