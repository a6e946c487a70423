// The keys of all words that the page says, in the order in which the hub sends the words: it fills them in as it starts.

export const KEYS = [];
