// What the hub says when it gives no stream, or no answer with 200.

export async function errorText(answer) {
  try {
    const { error, detail } = await answer.json();
    return detail || error || `the hub answered ${answer.status}`;
  } catch {
    return `the hub answered ${answer.status}`;
  }
}

/** Why a stream was refused that has come with 200, as an EventSource wants it: the detail of an `event: refused`. */
export function refusalDetail(text) {
  try {
    return JSON.parse(text).detail ?? null;
  } catch {
    return null;
  }
}
