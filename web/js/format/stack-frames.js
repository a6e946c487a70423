// Stack traces as rows show them: which frames are a library's. Pure.
//
//     stackLines(record.err.stack)     [{text, kind}, …]; kinds: "frame", "library" (dimmed), "code" (below a frame), "said" (the rest)

const FRAME = /^[>\s]*(?:File "|at \S|[\w./@~-]+\.go:\d+|\t)/;
// A path that is not the application's own.
const LIBRARY = new RegExp(
  "site-packages|dist-packages|/lib(?:64)?/python\\d|<frozen |node_modules|\\(?node:|internal/|/usr/(?:lib|local/go)/|/go/pkg/mod/|" +
    "\\bat (?:[\\w.]+/)?(?:java|javax|jdk|sun|kotlin|scala|org\\.(?:springframework|apache|eclipse|hibernate|junit)|io\\.netty)\\.|\\bat System\\.|rustc/",
);

/** The lines of a stack, each with what it is. */
export function stackLines(stack) {
  let above = "said";
  return stack.trimEnd().split("\n").map((text) => {
    if (FRAME.test(text)) above = LIBRARY.test(text) ? "library" : "frame";
    // Python puts the code below its frame; it is dimmed with it.
    else if (/^\s+\S/.test(text) && above !== "said") return { text, kind: above === "library" ? "library" : "code" };
    else above = "said";
    return { text, kind: above };
  });
}
