import { WebhookReceiver } from './receivers.js';

/** One span, as OTLP's JSON tells it. */
export interface Span {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  attributes: Record<string, unknown>;
  failed: boolean;
}

/** A real OTLP/HTTP receiver that keeps every span. */
export class OtlpReceiver {
  private constructor(private readonly http: WebhookReceiver) {}

  static async start(): Promise<OtlpReceiver> {
    return new OtlpReceiver(await WebhookReceiver.start());
  }

  get url(): string {
    return this.http.url;
  }

  get headers(): Record<string, unknown>[] {
    return this.http.calls.map(({ headers }) => headers);
  }

  /** Spans of a trace, in the order they came. */
  spans(traceId: string): Span[] {
    return this.http.calls
      .filter(({ path }) => path === '/v1/traces')
      .flatMap(({ body }) => (JSON.parse(body) as Export).resourceSpans)
      .flatMap(({ resource, scopeSpans }) =>
        scopeSpans.flatMap(({ spans }) =>
          spans.map(({ attributes, status, parentSpanId = '', ...span }) => ({
            ...span,
            parentSpanId,
            service: String(plain(resource.attributes)['service.name']),
            attributes: plain(attributes),
            failed: status?.code === 2,
          })),
        ),
      )
      .filter((span) => span.traceId === traceId);
  }

  stop(): Promise<void> {
    return this.http.stop();
  }
}

interface Attribute {
  key: string;
  value: Record<string, unknown>;
}

interface Export {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: {
      spans: {
        name: string;
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        attributes: Attribute[];
        status?: { code?: number };
      }[];
    }[];
  }[];
}

const plain = (attributes: Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
