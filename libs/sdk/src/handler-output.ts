const MAX_OUTPUT_BYTES = 64 * 1024;

class OutputError extends Error {
  readonly retryable = false;
  constructor(
    override readonly name: string,
    message: string,
  ) {
    super(message);
  }
}

/** What a handler has returned, as JSON text; nothing is null. @throws Error when it is no JSON, or more than 64 KB of it */
export function outputText(result: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(result ?? null);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OutputError('InvalidOutput', `the handler returned what is no JSON: ${reason}`);
  }
  if (text === undefined) {
    throw new OutputError('InvalidOutput', `the handler returned a ${typeof result}, not JSON`);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_OUTPUT_BYTES) return text;
  const kept = `at most ${MAX_OUTPUT_BYTES} are kept; write more to a file`;
  throw new OutputError('OutputTooLarge', `the handler returned ${bytes} bytes of JSON, ${kept}`);
}
