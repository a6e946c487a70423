// The reasons the hub gives when it refuses a stream or a request.

/** The reason in an answer that is not 200. */
export async function errorText(answer) {
  try {
    const { error, detail } = await answer.json();
    return detail || error || `the hub answered ${answer.status}`;
  } catch {
    return `the hub answered ${answer.status}`;
  }
}

/** The reason in an `event: refused`: an EventSource needs a 200, so the hub refuses some streams in a frame. Null if there is none. */
export function refusalDetail(text) {
  try {
    return JSON.parse(text).detail ?? null;
  } catch {
    return null;
  }
}
