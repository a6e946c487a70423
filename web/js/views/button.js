// What is to be clicked on.

/** A button of those classes, with more attributes. */
export const button = (classes, attributes = {}) => $("<button>", { class: classes, ...attributes });
