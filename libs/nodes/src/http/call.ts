import { request as send, type Dispatcher } from 'undici';
import { egressAgent } from '../egress/agent.js';
import { checkTarget } from '../egress/egress.js';
import { NodeError } from '../node-kind.js';
import { type HttpRequest } from './request.js';

/** What came back, its body read as far as the cap allows. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

const MAX_REDIRECTS = 5;
/** An output is at most 64 KB; whatever is larger than this is no answer but a download. */
export const MAX_BODY_BYTES = 1024 * 1024;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Makes the call. GET and HEAD follow up to 5 redirects; at another origin the caller's headers stay behind,
 * since they were meant for the first. Every hop is subject to the egress rule.
 * @param maxBytes of the body
 * @throws EgressDenied, NodeError, or what undici throws.
 */
export async function call(
  request: HttpRequest,
  allowPrivate: boolean,
  signal: AbortSignal,
  maxBytes = MAX_BODY_BYTES,
): Promise<HttpAnswer> {
  let { url, headers } = request;
  for (let hops = 0; ; hops++) {
    checkTarget(url, allowPrivate);
    const answer = await send(url, {
      method: request.method,
      headers,
      body: request.body ?? null,
      dispatcher: egressAgent(allowPrivate),
      signal,
    });
    const location = locationOf(request, answer, url);
    if (!location)
      return {
        status: answer.statusCode,
        headers: flat(answer.headers),
        body: await readBody(answer, maxBytes),
      };
    await answer.body.dump({ limit: 64 * 1024 });
    if (hops === MAX_REDIRECTS) {
      const message = `${request.method} ${request.url.origin} redirects more than ${MAX_REDIRECTS} times`;
      throw new NodeError('TooManyRedirects', message, false);
    }
    if (location.origin !== url.origin) headers = { 'user-agent': 'tauro', accept: '*/*' };
    url = location;
  }
}

function locationOf(request: HttpRequest, answer: Dispatcher.ResponseData, from: URL): URL | undefined {
  const location = answer.headers['location'];
  const follows = request.method === 'GET' || request.method === 'HEAD';
  if (!follows || !REDIRECTS.has(answer.statusCode) || typeof location !== 'string') return undefined;
  return URL.canParse(location, from.href) ? new URL(location, from) : undefined;
}

async function readBody({ body }: Dispatcher.ResponseData, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      const message = `the answer is larger than ${maxBytes} bytes${maxBytes === MAX_BODY_BYTES ? '; an http node keeps small answers only' : ''}`;
      throw new NodeError('ResponseTooLarge', message, false);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function flat(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const entries = Object.entries(headers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), [value!].flat().join(', ')]));
}
