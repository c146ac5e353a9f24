/** What the client of the engine throws: an answer that was not expected, or no answer. */
interface EngineFault extends Error {
  statusCode?: number;
  json?: { message?: string } | null;
  code?: string;
}

/** A failure of the container engine, in words: `name`, `message` and `retryable` reach the task. */
export function engineError(error: unknown, image: string): Error {
  if (typeof error !== 'object' || error === null) return new Error(String(error));
  const { statusCode, json, code, message } = error as EngineFault;
  const why = (json?.message ?? message).trim();
  if (code !== undefined && statusCode === undefined) {
    return named('ContainerEngine', `the container engine cannot be reached (DOCKER_HOST): ${message}`, true);
  }
  if (statusCode === 404) {
    return named('ImageNotFound', `the image '${image}' cannot be had: ${why}`, true);
  }
  if (statusCode === 400) {
    return named('CommandFailed', `the container could not be started: ${why}`, false);
  }
  return named('ContainerEngine', `the container engine could not do it: ${why}`, true);
}

const named = (name: string, message: string, retryable: boolean): Error =>
  Object.assign(new Error(message), { name, retryable });
