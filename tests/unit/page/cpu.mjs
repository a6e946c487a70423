// How much work something was, on a machine that has other work: milliseconds of this process's CPU so far.

export function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
