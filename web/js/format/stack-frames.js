// Stack traces as rows show them: which frames belong to a library. Pure.
//
//     stackLines(record.err.stack)     [{text, kind}, …]; kinds: "frame", "library" (dimmed), "code" (below a frame), "text" (the rest)

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
