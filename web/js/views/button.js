/** A button with CSS classes and other attributes. */
export const button = (classes, attributes = {}) => $("<button>", { class: classes, ...attributes });
