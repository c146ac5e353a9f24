import { WebhookReceiver } from './receivers.js';

/** An event as Sentry would get it, as far as tests look at it. */
export interface SentryEvent {
  exception: { values: { type: string; value: string; stacktrace: { frames: { filename: string }[] } }[] };
  tags: Record<string, string>;
  release: string;
  request?: unknown;
  user?: unknown;
}

/** A real HTTP server that understands Sentry's envelopes: lines of JSON, of which every other is an item. */
export class SentryReceiver {
  private constructor(private readonly http: WebhookReceiver) {}

  static async start(): Promise<SentryReceiver> {
    return new SentryReceiver(await WebhookReceiver.start());
  }

  get dsn(): string {
    return this.http.url.replace('://', '://publickey@') + '/42';
  }

  /** All that came, byte by byte. */
  get text(): string {
    return this.http.calls.map(({ body }) => body).join('\n');
  }

  get events(): SentryEvent[] {
    return this.http.calls
      .filter(({ path }) => /^\/api\/42\/envelope\/\?.*sentry_key=publickey/.test(path))
      .flatMap(({ body }) => {
        const [, ...lines] = body.trim().split('\n');
        return lines.flatMap((line, i) =>
          i % 2 === 0 && (JSON.parse(line) as { type: string }).type === 'event'
            ? [JSON.parse(lines[i + 1]!) as SentryEvent]
            : [],
        );
      });
  }

  stop(): Promise<void> {
    return this.http.stop();
  }
}
