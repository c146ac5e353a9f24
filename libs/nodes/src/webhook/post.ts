import { type HttpAnswer } from '../http/call.js';
import { callError, statusError } from '../http/http.errors.js';
import { type HttpRequest } from '../http/request.js';
import { checkTarget } from '../egress/egress.js';
import { NodeError } from '../node-kind.js';

/** As much of an answer as a message about a failure can use. */
const MAX_ANSWER_BYTES = 4096;
const GONE = 410;

export interface PostOptions {
  allowPrivate: boolean;
  timeoutSeconds: number;
}

/**
 * POSTs a JSON text under the egress rule; resolves when the answer is a 2xx. Redirects are not followed, and of the
 * answer's body only a beginning is read. @throws NodeError that says what went wrong, also after the time limit; it is `retryable`
 * unless the rule forbids the call, it cannot be made, or the answer is 410.
 */
export async function postJson(
  url: string,
  body: string,
  headers: Record<string, string>,
  { allowPrivate, timeoutSeconds }: PostOptions,
): Promise<void> {
  const request: HttpRequest = {
    method: 'POST',
    url: new URL(url),
    headers: { 'user-agent': 'tauro', accept: '*/*', 'content-type': 'application/json', ...headers },
    body,
  };
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  let answer: HttpAnswer;
  try {
    checkTarget(request.url, allowPrivate);
    answer = await send(request, allowPrivate, signal);
  } catch (error) {
    throw callError(request, error, signal.aborted ? timeoutSeconds : undefined);
  }
  if (answer.status >= 200 && answer.status <= 299) return;
  const { type, message } = statusError(request, answer);
  // Who is not found, or not let in, may be when the receiver is mended; who is gone says so himself.
  throw new NodeError(type, message, answer.status !== GONE);
}

async function send(request: HttpRequest, allowPrivate: boolean, signal: AbortSignal): Promise<HttpAnswer> {
  // The HTTP client weighs 20 MB, and only a worker that calls somebody needs it.
  const [undici, { egressAgent }] = await Promise.all([import('undici'), import('../egress/agent.js')]);
  const { method, headers, body = null } = request;
  const dispatcher = egressAgent(allowPrivate);
  const answer = await undici.request(request.url, { method, headers, body, dispatcher, signal });
  const type = answer.headers['content-type'];
  return {
    status: answer.statusCode,
    headers: { ...(typeof type === 'string' && { 'content-type': type }) },
    body: await beginningOf(answer.body),
  };
}

async function beginningOf(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop closes the connection, so nobody sends us more.
    if (bytes >= MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks);
}
