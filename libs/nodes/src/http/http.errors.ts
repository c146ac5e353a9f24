import { NodeError } from '../node-kind.js';
import { type HttpAnswer } from './call.js';
import { describeCall, type HttpRequest } from './request.js';
import { textOf } from './response.js';

/** An answer with a status that was not expected. Only those that a later try may change are repeated. */
export function statusError(request: HttpRequest, answer: HttpAnswer): NodeError {
  const { status, headers, body } = answer;
  const retryable = status === 408 || status === 425 || status === 429 || status >= 500;
  const after = headers['retry-after'];
  const notes = [
    after && (status === 429 || status === 503) ? `Retry-After: ${after}` : '',
    headers['location'] && status >= 300 && status < 400 ? 'a redirect that is not followed' : '',
    textOf(body.subarray(0, 200), headers['content-type'] ?? '')
      .replace(/\s+/g, ' ')
      .trim(),
  ].filter(Boolean);
  const more = notes.length > 0 ? ` (${notes.join('; ')})` : '';
  return new NodeError('HttpStatus', `${describeCall(request)} answered ${status}${more}`, retryable);
}

interface SystemError extends Error {
  code?: string;
  hostname?: string;
  address?: string;
  port?: number;
  errors?: SystemError[];
}

const REASONS: Readonly<Record<string, (error: SystemError, host: string) => string>> = {
  ECONNREFUSED: (error, host) =>
    `connection refused by ${error.address ? `${bracketed(error.address)}:${error.port}` : host}`,
  ENOTFOUND: (error, host) => `host ${error.hostname ?? host} was not found`,
  EAI_AGAIN: (error, host) => `host ${error.hostname ?? host} could not be looked up just now`,
  ECONNRESET: (_, host) => `${host} closed the connection`,
  EPIPE: (_, host) => `${host} closed the connection`,
  UND_ERR_SOCKET: (_, host) => `${host} closed the connection before it answered`,
  UND_ERR_CONNECT_TIMEOUT: (_, host) => `${host} did not accept a connection within 10 s`,
  ETIMEDOUT: (_, host) => `${host} did not accept a connection in time`,
  EHOSTUNREACH: (_, host) => `${host} cannot be reached`,
  ENETUNREACH: (_, host) => `the network of ${host} cannot be reached`,
};

/** Any failure of a call in words; `timedOut` is the limit in seconds when that is what ended it. */
export function callError(request: HttpRequest, error: unknown, timedOut?: number): NodeError {
  if (error instanceof NodeError) return error;
  const what = describeCall(request);
  if (timedOut !== undefined)
    return new NodeError('HttpTimeout', `${what} did not answer within ${timedOut} s`);
  const cause = innermost(error as SystemError);
  const code = cause.code ?? '';
  if (code === 'UND_ERR_INVALID_ARG') {
    return new NodeError('InvalidConfig', `${what} cannot be sent: ${cause.message}`, false);
  }
  const reason =
    cause.name === 'HTTPParserError'
      ? `${request.url.host} does not speak HTTP (${cause.message})`
      : (REASONS[code]?.(cause, request.url.host) ?? cause.message);
  return new NodeError('HttpConnection', `${what}: ${reason}`);
}

/** Several addresses tried mean an AggregateError; the first tells the story. */
function innermost(error: SystemError): SystemError {
  return error.errors?.[0] ?? error;
}

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);
