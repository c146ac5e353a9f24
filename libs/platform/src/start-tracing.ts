import { Logger } from '@nestjs/common';
import { diag, DiagLogLevel, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { exportBy, type Exporting, nextIds } from '@tauro/tracing';
import { hostname } from 'node:os';
import { type Env } from './env/env.js';
import { VERSION } from './version.js';

const DEFAULT_ENDPOINT = 'http://localhost:4318';
/** Of one export; a collector that hangs must not keep a process that leaves. */
const TIMEOUT_MS = 5000;
/** A collector that is away is told of so often. */
const COMPLAINT_MS = 60_000;

type Settings = Pick<
  Env,
  | 'ENABLE_TRACING'
  | 'OTEL_EXPORTER_OTLP_ENDPOINT'
  | 'OTEL_EXPORTER_OTLP_HEADERS'
  | 'OTEL_SERVICE_NAME'
  | 'OTEL_TRACES_SAMPLER_ARG'
>;

let started: Exporting | undefined;

/** Exports this process's spans by OTLP over HTTP, if the configuration asks for it; the SDK is loaded only then. */
export async function startTracing(env: Settings, app: string): Promise<void> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: given, OTEL_TRACES_SAMPLER_ARG: share } = env;
  if (!env.ENABLE_TRACING && given === undefined) return;
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const exporter = new OTLPTraceExporter({
    url: `${(given ?? DEFAULT_ENDPOINT).replace(/\/+$/, '')}/v1/traces`,
    headers: headersOf(env.OTEL_EXPORTER_OTLP_HEADERS),
    timeoutMillis: TIMEOUT_MS,
  });
  const root = new sdk.TraceIdRatioBasedSampler(share);
  const random = new sdk.RandomIdGenerator();
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({
      'service.name': env.OTEL_SERVICE_NAME ?? `tauro-${app}`,
      'service.version': VERSION,
      'service.instance.id': `${hostname()}:${process.pid}`,
    }),
    sampler: new sdk.ParentBasedSampler({ root }),
    idGenerator: {
      generateTraceId: () => nextIds()?.traceId ?? random.generateTraceId(),
      generateSpanId: () => nextIds()?.spanId ?? random.generateSpanId(),
    },
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter, exportTimeoutMillis: TIMEOUT_MS })],
  });
  complainThroughLogger();
  trace.setGlobalTracerProvider(provider);
  started = {
    samples: (traceId) =>
      root.shouldSample(ROOT_CONTEXT, traceId).decision === sdk.SamplingDecision.RECORD_AND_SAMPLED,
    stop: () => provider.shutdown(),
  };
  exportBy(started);
}

/** Sends what has not been sent yet, as far as the collector takes it. */
export async function stopTracing(): Promise<void> {
  await started?.stop().catch(() => undefined);
  started = undefined;
  exportBy(undefined);
}

/** `name=value` pairs with commas between them, values percent-encoded, as OpenTelemetry defines the variable. */
export function headersOf(text = ''): Record<string, string> {
  const pairs = text.split(',').flatMap((pair): [string, string][] => {
    const [name = '', ...value] = pair.split('=');
    return name.trim() && value.length > 0 ? [[name.trim(), decoded(value.join('=').trim())]] : [];
  });
  return Object.fromEntries(pairs);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function complainThroughLogger(): void {
  const logger = new Logger('Tracing');
  let last = -Infinity;
  const complain = (message: string): void => {
    if (performance.now() - last < COMPLAINT_MS) return;
    last = performance.now();
    logger.warn(`spans are lost: ${message}`);
  };
  const nothing = (): void => undefined;
  diag.setLogger(
    { error: complain, warn: nothing, info: nothing, debug: nothing, verbose: nothing },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
}
