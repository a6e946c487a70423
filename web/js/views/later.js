// What is loaded when it is first opened: the second script, which holds all modules that are named only there, and their texts.
//
//     const module = await loadLater(load);    null: it can't be loaded now, and the reader has been told

import { loadLaterTexts, t } from "../i18n/translate.js";
import { toast } from "./toast.js";

const OUTDATED = "the page is outdated";

/** The module that `load()` imports; null if it can't be loaded now. It may be tried again. */
export async function loadLater(load) {
  try {
    const [module] = await Promise.all([load(), loadLaterTexts()]);
    return module;
  } catch (fault) {
    console.error(fault);
    toast(t(fault.message === OUTDATED ? "later.outdated" : "later.failed"));
    return null;
  }
}
