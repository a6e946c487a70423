// What the hub says when its answer is not 200.

export async function wordsOf(answer) {
  try {
    const { error, detail } = await answer.json();
    return detail || error || `the hub answered ${answer.status}`;
  } catch {
    return `the hub answered ${answer.status}`;
  }
}
