// Text formats, in the order they are tried: a pattern, and a name for each of its groups. To add a format, add a row.
//
// A name with a rule in text.js (time, level, message, logger, …) fills that part of the record; any other name is a field. The text of
// `inner` is read as a line of its own.

export const PATTERNS = [
  {
    fmt: "rfc5424",
    pattern: /^<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|(?:\[(?:[^\]\\"]|\\.|"(?:[^"\\]|\\.)*")*\])+) ?([\s\S]*)$/,
    groups: ["pri", "time", "host", "logger", "pid", "msgid", "structured", "message"],
  },
  {
    fmt: "klog",
    pattern: /^([IWEFDC])(?:(\d{4})(?=\d{4}))?(\d{2})(\d{2}) (\d\d:\d\d:\d\d\.\d{1,6})\s+(\d+)\s+([^:\s]+):(\d+)\] ([\s\S]*)$/,
    groups: ["letter", null, null, null, null, "thread", "file", "line", "pairs"],
    time: ([, , year, month, day, clock]) => `${year ? `${year}-` : ""}${month}-${day} ${clock}`,
  },
  {
    fmt: "loguru",
    pattern:
      /^(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?)\s*\|\s*(?:Level (\d+)|([A-Za-z]\w*))\s*\|\s*([\w.<>$-]+):([\w.<>$]+):(\d+) - ([\s\S]*)$/,
    groups: ["time", "pythonLevel", "level", "logger", "function", "line", "message"],
  },
  {
    fmt: "gunicorn",
    pattern: /^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:,\d{3})?(?: [+-]\d{4})?)\] \[(\d+)\] \[(\w+)\] ([\s\S]*)$/,
    groups: ["time", "pid", "level", "message"],
  },
  {
    fmt: "uvicorn",
    pattern: /^(TRACE|DEBUG|INFO|WARNING|ERROR|CRITICAL):\s{2,}(?:(\S+:\d+) - "([A-Z]+) (\S+) HTTP\/([\d.]+)" (\d{3})(?: (.*))?|([\s\S]*))$/,
    groups: ["level", "client", "method", "path", "version", "status", "phrase", "message"],
  },
  {
    fmt: "python-basic",
    pattern: /^(DEBUG|INFO|WARNING|ERROR|CRITICAL):([\w.-]+):([\s\S]*)$/,
    groups: ["level", "logger", "message"],
  },
  {
    fmt: "python-dashed",
    pattern: /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d{3}) - (\S+) - (DEBUG|INFO|WARNING|ERROR|CRITICAL) - ([\s\S]*)$/,
    groups: ["time", "logger", "level", "message"],
  },
  {
    fmt: "java",
    pattern:
      /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,]\d{3}(?:Z|[+-]\d\d:?\d\d)?)\s+(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+(?:(\d+) --- )?(?:\[([^\]]*)\]\s+)*([\w.$/[\]]+)\s+(?::|-) ([\s\S]*)$/,
    groups: ["time", "level", "pid", "thread", "logger", "message"],
  },
  {
    fmt: "python-asctime",
    pattern:
      /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3})\s+\[?(DEBUG|INFO|WARNING|ERROR|CRITICAL)\]?\s+(?:([a-z_][\w.]*)(?::(\d+))?(?:: | - ))?([\s\S]*)$/,
    groups: ["time", "level", "logger", "line", "message"],
  },
  {
    fmt: "zap-console",
    pattern:
      /^(\d{4}-\d\d-\d\dT\S+)\t(DEBUG|INFO|WARN|ERROR|DPANIC|PANIC|FATAL)\t(?:(?!\S+\.go:\d+\t)([^\t]+)\t)?(?:([\w./-]+\.go):(\d+)\t)?([^\t]*)(?:\t(\{.*\}))?$/s,
    groups: ["time", "level", "logger", "file", "line", "message", "json"],
  },
  {
    fmt: "structlog-console",
    pattern: /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)\s+\[(\w+)\s*\]\s+([\s\S]*)$/,
    groups: ["time", "level", "padded"],
  },
  {
    fmt: "access",
    pattern:
      /^(\S+) (\S+) (\S+) \[(\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "([A-Z]+) (\S+)(?: HTTP\/([\d.]+))?" (\d{3}) (\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?(.*)$/,
    groups: ["client", "ident", "user", "time", "method", "path", "version", "status", "bytes", "referer", "agent", "rest"],
  },
  {
    fmt: "nginx-error",
    pattern: /^(\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d) \[(\w+)\] (\d+)#(\d+): (?:\*(\d+) )?([\s\S]*)$/,
    groups: ["time", "level", "pid", "thread", "connection", "message"],
  },
  {
    fmt: "apache-error",
    pattern:
      /^\[([A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4})\] \[(?:(\w+):)?(\w+)\] (?:\[pid (\d+)(?::tid (\d+))?\] )?([\s\S]*)$/,
    groups: ["time", "logger", "level", "pid", "thread", "message"],
  },
  {
    fmt: "redis",
    pattern: /^(\d+):([XCSM]) (\d{2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.\-*#]) ([\s\S]*)$/,
    groups: ["pid", "role", "time", "sign", "message"],
  },
  {
    fmt: "postgres",
    pattern:
      /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [A-Z+\-\d]+) \[(\d+)\] (?:([\w@[\]-]+) )?(DEBUG[1-5]?|INFO|NOTICE|WARNING|LOG|ERROR|FATAL|PANIC|DETAIL|HINT|STATEMENT|CONTEXT):\s+([\s\S]*)$/,
    groups: ["time", "pid", "session", "level", "message"],
  },
  {
    fmt: "env-logger",
    pattern: /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) (ERROR|WARN|INFO|DEBUG|TRACE)\s+([\w:]+)\] ([\s\S]*)$/,
    groups: ["time", "level", "logger", "message"],
  },
  {
    fmt: "cri",
    pattern: /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP]) ([\s\S]*)$/,
    groups: ["time", "stream", "part", "inner"],
  },
  {
    fmt: "rfc3164",
    pattern: /^(?:<(\d{1,3})>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (\S+) ([^\s[:]+)(?:\[(\d+)\])?: ?([\s\S]*)$/,
    groups: ["pri", "time", "host", "logger", "pid", "message"],
  },
];

// Adjacent runs of blanks of any length would take a second on 20 kB of blanks, hence {0,16}.
// Tried after logfmt, because they are less specific.
export const LOOSE_PATTERNS = [
  {
    fmt: "compose",
    pattern: /^([\w.-]{1,64})\s+\| ([\s\S]*)$/,
    groups: ["logger", "known"],
  },
  {
    fmt: "text-json",
    pattern: /^([^{\s][^{]{0,255})(\{[\s\S]*\})\s*$/,
    groups: ["prefix", "object"],
  },
  {
    fmt: "time-level",
    pattern:
      /^\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z| ?[+-]\d\d:?\d\d)?)\]?\s{0,16}[|\-:]?\s{0,16}\[?(EMERG(?:ENCY)?|ALERT|CRIT(?:ICAL)?|FATAL|PANIC|ERROR|ERR|WARN(?:ING)?|NOTICE|SUCCESS|INFO|DEBUG|TRACE|VERBOSE)\]?\s{0,16}[|\-:]?\s{0,16}([\s\S]*)$/i,
    groups: ["time", "level", "message"],
  },
];
