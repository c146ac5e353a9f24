import { DomainError } from '@tauro/domain';
import { type Server } from 'node:http';
import { type Socket } from 'node:net';
import { VERSION } from '../version.js';
import { metaOf } from './envelope.js';
import { newRequestId } from './request-id.js';

type ParserError = NodeJS.ErrnoException;
/** Node keeps the answer that is under way there, and asks it the same before it writes its own bare status line. */
type ClientSocket = Socket & { _httpMessage?: { headersSent: boolean } };

const MESSAGES: Record<string, string> = {
  HPE_HEADER_OVERFLOW: 'The path and the headers together are larger than the 16 KB that a request may have',
  ERR_HTTP_REQUEST_TIMEOUT: 'The request did not arrive in time',
};

/** Puts into the envelope what Node refuses before it becomes a request: headers without end, or no HTTP at all. */
export function answerClientErrors(server: Server): void {
  server.on('clientError', (error: ParserError, stream) => {
    const socket = stream as ClientSocket;
    if (socket.writable && error.code !== 'ECONNRESET' && !socket._httpMessage?.headersSent) {
      socket.write(answerTo(error));
    }
    socket.destroySoon();
  });
}

function answerTo({ code = '' }: ParserError): string {
  const id = newRequestId();
  const { code: named, message, details } = refusal(code);
  const body = JSON.stringify({ error: { code: named, message, details }, meta: metaOf({ id }) });
  const head = [
    'HTTP/1.1 400 Bad Request',
    `X-Request-ID: ${id}`,
    `X-API-Version: ${VERSION}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

const refusal = (code: string): DomainError =>
  new DomainError('BAD_REQUEST', MESSAGES[code] ?? 'This is not a well-formed HTTP request');
