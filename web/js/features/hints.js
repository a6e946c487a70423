// What a new reader can't guess, in one line of the status bar: until it is dismissed, and on the first visits only.

const PARTS = { hints: "[data-testid=hints]", close: "[data-testid=hints-close]" };

export function addHints(page) {
  const { settings, workspace } = page;
  let begun = false;

  function show() {
    // Before there are lines, the page says how to get some.
    if (begun || workspace.list.shown === 0) return;
    begun = true;
    const left = settings.get("hints");
    if (left === 0) return;
    settings.set("hints", left - 1);
    $(PARTS.hints).prop("hidden", false);
  }

  function dismiss() {
    settings.set("hints", 0);
    $(PARTS.hints).prop("hidden", true);
    page.grid.view.focus();
  }

  page.on("update", show);
  $(PARTS.close).on("click", dismiss);
}
