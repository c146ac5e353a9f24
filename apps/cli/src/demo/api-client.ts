import { setTimeout as sleep } from 'node:timers/promises';

/** An answer that is an error, with the server's own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

interface Envelope<T> {
  data: T;
  error?: { code: string; message: string };
}

/** Calls the API as any client does: JSON over HTTP. */
export class ApiClient {
  /** @param headers sent with each call: who asks, where the server wants to know. */
  constructor(
    readonly url: string,
    readonly headers: Record<string, string>,
  ) {}

  get<T>(path: string): Promise<T> {
    return this.call('GET', path);
  }

  post<T>(path: string, body?: object): Promise<T> {
    return this.call('POST', path, body);
  }

  /** The `data` of the answer. @throws ApiError */
  private async call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { ...this.headers, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    if (response.status === 429 || response.status === 503) {
      await sleep(Number(response.headers.get('retry-after') ?? 1) * 1000);
      return this.call(method, path, body);
    }
    const envelope = (await response.json()) as Envelope<T>;
    if (response.ok) return envelope.data;
    const { code = 'UNKNOWN', message = response.statusText } = envelope.error ?? {};
    throw new ApiError(response.status, code, `${method} ${path}: ${response.status} ${code}: ${message}`);
  }
}
