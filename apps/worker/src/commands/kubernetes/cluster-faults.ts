/** A failure with a type and a message for people: `name`, `message` and `retryable` reach the task. */
export const fault = (name: string, message: string, retryable: boolean): Error =>
  Object.assign(new Error(message), { name, retryable });

/** A failure of the cluster itself. */
export const clusterFault = (message: string, retryable: boolean): Error =>
  fault('KubernetesCluster', message, retryable);

/** What the client throws: an answer that refuses, with a number for its `code`, or what the system says. */
interface ClientError extends Error {
  code?: number | string;
  body?: unknown;
}

/** What the cluster itself says of a refusal, as its API has it; never the headers, which the client's message shows. */
function saidIn(body: unknown): string | undefined {
  let status = body;
  if (typeof body === 'string') {
    try {
      status = JSON.parse(body);
    } catch {
      return undefined;
    }
  }
  const { message } = (status ?? {}) as { message?: unknown };
  return typeof message === 'string' && message !== '' ? message.slice(0, 1000) : undefined;
}

/** Names of the failures that are already in words. */
const IN_WORDS = new Set(['KubernetesCluster', 'ImageNotFound', 'CommandFailed']);

/** Any failure of a call to the cluster, in words. */
export function inWords(error: unknown): Error {
  if (!(error instanceof Error)) return clusterFault(`the cluster could not do it: ${String(error)}`, true);
  if (IN_WORDS.has(error.name)) return error;
  const { code, body, message } = error as ClientError;
  const said = saidIn(body);
  const told = said === undefined ? '' : `: ${said}`;
  if (typeof code !== 'number') {
    return clusterFault(`the cluster cannot be reached (KUBECONFIG): ${message.slice(0, 500)}`, true);
  }
  switch (code) {
    case 401:
      return clusterFault(
        'the cluster does not accept the credentials of this worker (KUBECONFIG): 401',
        false,
      );
    case 403:
      return clusterFault(`the cluster does not let this worker do that${told || ': 403'}`, false);
    case 404:
      return clusterFault(`the cluster does not have that${told || ': 404'}`, false);
    case 400:
    case 422:
      return fault('CommandFailed', `the cluster refuses the Job${told || `: ${code}`}`, false);
    default:
      return clusterFault(`the cluster could not do it (${code})${told}`, true);
  }
}

/** Whether the next try may get another answer. */
export function isPassing(error: unknown): boolean {
  const { code } = (error ?? {}) as ClientError;
  return typeof code !== 'number' || code === 408 || code === 429 || code >= 500;
}
