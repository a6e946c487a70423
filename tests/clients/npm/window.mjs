// What fetch-event-source expects of a browser.
globalThis.window = globalThis;
