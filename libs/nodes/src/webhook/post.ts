import { type Dispatcher } from 'undici';
import { checkTarget } from '../egress/egress.js';
import { callError, statusError } from '../http/http.errors.js';
import { type HttpRequest } from '../http/request.js';
import { NodeError } from '../node-kind.js';

/** As much of an answer as a message about a failure can use. */
const MAX_ANSWER_BYTES = 4096;
const GONE = 410;

export interface PostOptions {
  allowPrivate: boolean;
  timeoutSeconds: number;
}

/**
 * POSTs a JSON text under the egress rule; resolves when the answer is a 2xx. Redirects are not followed, and the
 * answer's body is of no interest. @throws NodeError that says what went wrong, also after the time limit; it is
 * `retryable` unless the rule forbids the call, it cannot be made, or the answer is 410.
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
  try {
    checkTarget(request.url, allowPrivate);
    const answer = await send(request, allowPrivate, signal);
    if (answer.statusCode < 200 || answer.statusCode > 299) throw await refusal(request, answer);
    // The rest of a short answer frees the connection for the next call; nobody waits for that of a long one.
    answer.body.dump({ limit: MAX_ANSWER_BYTES, signal }).catch(() => undefined);
  } catch (error) {
    throw callError(request, error, signal.aborted ? timeoutSeconds : undefined);
  }
}

async function send(
  { url, method, headers, body }: HttpRequest,
  allowPrivate: boolean,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  // The HTTP client weighs 20 MB, and only a worker that calls somebody needs it.
  const [undici, { egressAgent }] = await Promise.all([import('undici'), import('../egress/agent.js')]);
  return undici.request(url, {
    method,
    headers,
    body: body ?? null,
    signal,
    dispatcher: egressAgent(allowPrivate),
  });
}

async function refusal(request: HttpRequest, answer: Dispatcher.ResponseData): Promise<NodeError> {
  const contentType = answer.headers['content-type'];
  const { type, message } = statusError(request, {
    status: answer.statusCode,
    headers: typeof contentType === 'string' ? { 'content-type': contentType } : {},
    body: await beginningOf(answer.body),
  });
  // Who is not found, or lets nobody in, may do so once it is mended; who is gone says so.
  return new NodeError(type, message, answer.statusCode !== GONE);
}

/** What arrives of it in time, up to a bound. */
async function beginningOf(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.length;
      // Leaving the loop closes the connection, so nobody sends more.
      if (bytes >= MAX_ANSWER_BYTES) break;
    }
  } catch {
    // Its status is known, and says enough.
  }
  return Buffer.concat(chunks);
}
