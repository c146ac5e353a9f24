import { randomBytes } from 'node:crypto';
import { isSampled, isTracing, parseTraceparent, startSpan, traceparentOf } from '@tauro/tracing';
import { headersOf, startTracing, stopTracing } from './start-tracing.js';

/** Nobody listens there: what is exported is lost, which no span may notice. */
const NOWHERE = 'http://127.0.0.1:9';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

const settings = (endpoint?: string) => ({
  ENABLE_TRACING: false,
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_TRACES_SAMPLER_ARG: 0.5,
});

describe('tracing', () => {
  afterEach(stopTracing);

  it('is off without an endpoint, and passes on what it is given', async () => {
    await startTracing(settings(), 'test');
    expect([isTracing(), isSampled(TRACE)]).toEqual([false, false]);
    const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;
    expect(traceparentOf(startSpan('any', { parent: traceparent }))).toBe(traceparent);
    expect(traceparentOf(startSpan('any'))).toBeUndefined();
  });

  it('exports a share of the traces, and every process decides alike by the id', async () => {
    await startTracing(settings(NOWHERE), 'test');
    const all = Array.from({ length: 400 }, () => ({
      traceId: randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
    }));
    const sampled = all.filter((ids) => {
      const context = parseTraceparent(traceparentOf(startSpan('run', { ids })))!;
      expect(context).toMatchObject(ids);
      expect(context.traceFlags === 1).toBe(isSampled(ids.traceId));
      return context.traceFlags === 1;
    });
    expect(sampled.length).toBeGreaterThan(100);
    expect(sampled.length).toBeLessThan(300);
    // What the caller has decided stands.
    for (const { traceId } of all.slice(0, 20)) {
      const below = startSpan('task', { parent: `00-${traceId}-00f067aa0ba902b7-01` });
      expect(traceparentOf(below)).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
    }
  });

  it('reads the headers for a collector as OpenTelemetry writes them', () => {
    expect(headersOf('authorization=Bearer%20a=b, x-tenant = 1,,broken')).toEqual({
      authorization: 'Bearer a=b',
      'x-tenant': '1',
    });
    expect(headersOf()).toEqual({});
  });
});
