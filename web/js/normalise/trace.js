// Stack traces: what failed, and how many frames there are, from the text that Python, Java, Node and Go write.

const FRAME = /^[>\s]*(?:File "|at |[\w./@-]+\.go:\d+)/;
const HEADER = /^\s*(?:Traceback \(most recent call last\)|Exception in thread )/m;
const NAMED = /^(?:Caused by: )?([A-Za-z_][\w.$]*)(?:: ([\s\S]*))?$/;

/** `{type, msg, stack}` of an exception written as text. */
export function errorOfText(stack) {
  const lines = stack.trimEnd().split("\n");
  // Python says last what Java and Node say first.
  const said = HEADER.test(stack) ? lines.findLast((line) => /^\S/.test(line)) : lines[0];
  const match = NAMED.exec((said ?? "").trim());
  return { type: match?.[1] ?? null, msg: match?.[2] ?? null, stack };
}

/** `{type, msg, stack}` of whatever a logger put under its error key. */
export function errorOf(value) {
  if (typeof value === "string") return errorOfText(value);
  const text = (name) => (typeof value[name] === "string" ? value[name] : null);
  const stack = text("stack") ?? text("stack_trace") ?? text("stacktrace") ?? text("traceback");
  return {
    type: text("type") ?? text("name") ?? text("exc_type"),
    msg: text("message") ?? text("msg") ?? text("exc_value"),
    stack: stack ?? JSON.stringify(value, null, 2),
  };
}

/** How many frames a stack shows. */
export function framesOf(stack) {
  return stack.split("\n").filter((line) => FRAME.test(line)).length;
}

/** True when a text holds a stack trace. */
export const hasTrace = (text) => HEADER.test(text);
