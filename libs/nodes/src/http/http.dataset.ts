import { type DatasetUse } from '../node-kind.js';
import { type HttpRequest } from './request.js';

/** Methods that take something from a server; all others bring something. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What a call has read or written: the resource, without the user and the query, which is where tokens are. */
export function httpDataset(
  { method, url, body = '' }: HttpRequest,
  answer: { body: { length: number } },
): DatasetUse {
  const reads = READING.has(method);
  return {
    access: reads ? 'read' : 'write',
    namespace: url.origin,
    name: url.pathname,
    bytes: reads ? answer.body.length : Buffer.byteLength(body),
  };
}
