import { createParser, type EventSourceMessage } from 'eventsource-parser';

/** What came back: `body` is the parsed JSON, or the text when it is none. */
export interface Answer {
  status: number;
  headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the tests are what checks its shape
  body: any;
}

type HeaderMap = Record<string, string>;

/** A plain HTTP client. Paths that start with `/api`, `/health` and the like are used as they are given. */
export class ApiClient {
  /** @param always headers that go with every request, such as credentials. */
  constructor(
    readonly url: string,
    private readonly always: HeaderMap = {},
  ) {}

  get(path: string, headers?: HeaderMap): Promise<Answer> {
    return this.send('GET', path, undefined, headers);
  }
  post(path: string, body?: unknown, headers?: HeaderMap): Promise<Answer> {
    return this.send('POST', path, body, headers);
  }
  put(path: string, body: unknown, headers?: HeaderMap): Promise<Answer> {
    return this.send('PUT', path, body, headers);
  }
  delete(path: string, headers?: HeaderMap): Promise<Answer> {
    return this.send('DELETE', path, undefined, headers);
  }

  /** A string body goes out as it is; anything else as JSON. */
  async send(method: string, path: string, body?: unknown, headers: HeaderMap = {}): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...this.always,
        ...headers,
      },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(text) };
  }

  /** The status alone, for answers that may never end. */
  async status(method: string, path: string, body?: unknown): Promise<number> {
    const leave = new AbortController();
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...this.always },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.any([leave.signal, AbortSignal.timeout(30_000)]),
    });
    leave.abort();
    return response.status;
  }

  /** Server-sent events in the order they arrive, until the server closes the stream or the reader leaves it. */
  async *events(path: string, headers: HeaderMap = {}): AsyncGenerator<EventSourceMessage> {
    const leave = new AbortController();
    const response = await fetch(this.url + path, {
      headers: { accept: 'text/event-stream', ...this.always, ...headers },
      signal: leave.signal,
    });
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    try {
      const arrived: EventSourceMessage[] = [];
      const parser = createParser({ onEvent: (event) => arrived.push(event) });
      const decoder = new TextDecoder();
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        parser.feed(decoder.decode(chunk, { stream: true }));
        yield* arrived.splice(0);
      }
    } finally {
      leave.abort();
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
