import { NodeError } from '../node-kind.js';

/** A call as it goes out. */
export interface HttpRequest {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body?: string;
}

/** `GET https://host/path?…`: the query stays out, since that is where tokens are. */
export function describeCall({ method, url }: HttpRequest): string {
  return `${method} ${url.origin}${url.pathname}${url.search ? '?…' : ''}`;
}

/** The call that a rendered config asks for. @throws NodeError 'InvalidConfig', never worth repeating. */
export function requestOf(config: Record<string, unknown>): HttpRequest {
  const { url: text, method, body } = config;
  if (typeof text !== 'string' || !URL.canParse(text)) {
    throw new NodeError('InvalidConfig', `http.url must be a URL, got ${JSON.stringify(text)}`, false);
  }
  const url = new URL(text);
  if (!isDecodable(url.username) || !isDecodable(url.password)) {
    const message = 'http.url: the user or password holds a % that is no escape; write it as %25';
    throw new NodeError('InvalidConfig', message, false);
  }
  for (const [name, value] of Object.entries((config['query'] ?? {}) as Record<string, unknown>)) {
    for (const item of [value].flat()) if (item != null) url.searchParams.append(name, textOf(item));
  }
  const headers: Record<string, string> = { 'user-agent': 'tauro', accept: '*/*' };
  if (url.username || url.password) {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
    url.username = url.password = '';
  }
  if (body !== undefined) {
    headers['content-type'] = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  }
  for (const [name, value] of Object.entries((config['headers'] ?? {}) as Record<string, unknown>)) {
    if (value != null) headers[name.toLowerCase()] = textOf(value);
  }
  return {
    method: (method as string | undefined) ?? (body === undefined ? 'GET' : 'POST'),
    url,
    headers,
    ...(body !== undefined && { body: textOf(body) }),
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
