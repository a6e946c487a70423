// Sets theme, density and text size before the first paint. A plain script in <head>, because a module would run too late.
(() => {
  const read = (name) => {
    try {
      return localStorage.getItem(`sse-hub.${name}`);
    } catch {
      return null;
    }
  };
  const root = document.documentElement;
  const chosen = (name, known, fallback) => (known.includes(read(name)) ? read(name) : fallback);
  root.dataset.theme = chosen("theme", ["auto", "dark", "light", "contrast"], "auto");
  root.dataset.density = chosen("density", ["compact", "normal", "comfortable"], "normal");
  root.dataset.rail = chosen("rail", ["true", "false"], "true");
  const size = Number(read("size"));
  if (size >= 11 && size <= 18) root.style.setProperty("--size", `${size}px`);
})();
