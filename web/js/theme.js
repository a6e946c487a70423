// Sets the theme before the first paint; a plain script in <head>, because a module would come too late.
(() => {
  const NAMES = ["auto", "dark", "light"];
  const read = () => {
    try {
      return localStorage.getItem("sse-hub.theme");
    } catch {
      return null;
    }
  };
  const set = (name) => {
    document.documentElement.dataset.theme = NAMES.includes(name) ? name : "auto";
  };
  set(read());
})();
