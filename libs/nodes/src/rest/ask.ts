import { type OpenConnection } from '../connections/connection-kind.js';
import { call, type HttpAnswer } from '../http/call.js';
import { callError } from '../http/http.errors.js';
import { type HttpRequest } from '../http/request.js';
import { NodeError } from '../node-kind.js';

/** What one request asks for. */
export interface Question {
  /** Below the base URL of the connection. */
  path?: string;
  query?: Readonly<Record<string, string>>;
  /** A whole address instead, as services give of their next page. */
  url?: URL;
}

const MAX_PAGE_BYTES = 64 * 1024 * 1024;

/** The request as it goes out, with what the connection says of who asks. */
export function requestTo(
  { name, config, secret }: OpenConnection,
  { path = '', query = {}, url }: Question,
): HttpRequest {
  const base = String(config['base_url']).replace(/\/$/, '');
  const address = url ?? new URL(base + (path === '' || path.startsWith('/') ? path : `/${path}`));
  // Whoever answers must not send what is secret to somebody else.
  if (address.origin !== new URL(base).origin) {
    const message = `connection '${name}': ${address.origin} is another service than ${new URL(base).origin}`;
    throw new NodeError('InvalidConfig', message, false);
  }
  for (const [key, value] of Object.entries(query)) address.searchParams.set(key, value);
  const headers = {
    accept: 'application/json',
    'user-agent': 'tauro',
    ...(config['headers'] as Record<string, string> | undefined),
    ...credentials(config, secret),
  };
  return { method: 'GET', url: address, headers };
}

/** The header by which a connection says who asks. */
export function credentials(
  { auth, user, header_name }: OpenConnection['config'],
  { password = '', token = '' }: OpenConnection['secret'],
): Record<string, string> {
  if (auth === 'basic') {
    return { authorization: `Basic ${Buffer.from(`${String(user ?? '')}:${password}`).toString('base64')}` };
  }
  if (auth === 'bearer') return { authorization: `Bearer ${token}` };
  return auth === 'header' ? { [String(header_name ?? 'X-API-Key').toLowerCase()]: token } : {};
}

/** Asks, whatever the status of the answer. @throws NodeError in words that name the connection */
export async function ask(
  connection: OpenConnection,
  question: Question,
  allowPrivate: boolean,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const request = requestTo(connection, question);
  try {
    return await call(request, allowPrivate, signal, MAX_PAGE_BYTES);
  } catch (error) {
    signal.throwIfAborted();
    const { type, message, retryable } = callError(request, error);
    throw new NodeError(
      type === 'HttpConnection' ? 'ConnectionFailed' : type,
      `connection '${connection.name}': ${message}`,
      retryable,
    );
  }
}
