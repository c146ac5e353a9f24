import { type Json } from '@tauro/domain';
import { NodeError } from '../node-kind.js';
import { type HttpAnswer } from './call.js';
import { describeCall, type HttpRequest } from './request.js';

const MAX_OUTPUT_BYTES = 64 * 1024;

/** The node's output. Cookies are left out: they are credentials, and outputs are kept and shown. */
export function outputOf(request: HttpRequest, answer: HttpAnswer): Json {
  const { 'set-cookie': _cookie, ...headers } = answer.headers;
  const output = { status: answer.status, headers, body: bodyOf(answer) };
  const bytes = Buffer.byteLength(JSON.stringify(output));
  if (bytes > MAX_OUTPUT_BYTES) {
    const message = `${describeCall(request)}: the answer makes an output of ${bytes} bytes, at most ${MAX_OUTPUT_BYTES} are kept`;
    throw new NodeError('OutputTooLarge', message, false);
  }
  return output;
}

function bodyOf({ headers, body }: HttpAnswer): Json {
  if (body.length === 0) return null;
  const type = headers['content-type'] ?? '';
  const text = textOf(body, type);
  if (!/^[^;]*\bjson\b/i.test(type)) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** The body as text, by the charset it names; bytes that are no text become replacement characters. */
export function textOf(body: Buffer, contentType: string): string {
  const charset = /charset="?([\w-]{1,40})/i.exec(contentType)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}
