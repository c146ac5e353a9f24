/**
 * Asks again and again until the answer is truthy, and returns it. An error thrown on the way counts as
 * "not yet" and is told when time runs out.
 */
export async function waitFor<T>(
  ask: () => Promise<T> | T,
  {
    timeout = 60_000,
    what = 'the condition',
    everyMs = 40,
  }: { timeout?: number; what?: string; everyMs?: number } = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeout;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const seen = (last as Error | undefined)?.message ?? JSON.stringify(last);
      throw new Error(`waited ${timeout} ms for ${what}; last seen: ${seen}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
