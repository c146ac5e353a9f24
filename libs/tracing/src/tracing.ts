import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorage } from 'node:async_hooks';
import { formatTraceparent, parseTraceparent } from './traceparent.js';

/** What is known of a span when it begins. */
export interface SpanStart {
  /** The span above it; without one it begins a trace. */
  parent?: string | SpanContext | undefined;
  kind?: SpanKind;
  attributes?: Attributes;
  /** Now unless given: a span may be told of afterwards. */
  startTime?: Date;
  /** Its own ids, decided upon before it is told of, so that others could already refer to it. */
  ids?: { traceId: string; spanId: string };
}

/** What exports spans, once something does. */
export interface Exporting {
  /** Whether a trace that begins here is exported. */
  samples(traceId: string): boolean;
  stop(): Promise<void>;
}

let exporting: Exporting | undefined;
let idsOfNext: SpanStart['ids'];
const requests = new AsyncLocalStorage<SpanContext>();

/** From now on spans go somewhere; undefined for nowhere. */
export function exportBy(next: Exporting | undefined): void {
  exporting = next;
}

/** Whether spans are exported. If not, nothing here costs more than a function call, and a `traceparent` passes unchanged. */
export const isTracing = (): boolean => exporting !== undefined;

/** Whether a trace that begins in this deployment is exported: the same answer for an id in every process. */
export const isSampled = (traceId: string): boolean => exporting?.samples(traceId) ?? false;

/** Of the span that is just being started; the SDK asks its generator for them. */
export const nextIds = (): SpanStart['ids'] => idsOfNext;

/** Begins a span; it must be ended. */
export function startSpan(name: string, { parent, ids, ...options }: SpanStart = {}): Span {
  const above = typeof parent === 'string' ? parseTraceparent(parent) : parent;
  const context = above ? trace.setSpanContext(ROOT_CONTEXT, above) : ROOT_CONTEXT;
  idsOfNext = ids;
  try {
    return trace.getTracer('tauro').startSpan(name, options, context);
  } finally {
    idsOfNext = undefined;
  }
}

/** The `traceparent` of what is done for a span; undefined when it belongs to no trace. */
export function traceparentOf(span: Span): string | undefined {
  const context = span.spanContext();
  return trace.isSpanContextValid(context) ? formatTraceparent(context) : undefined;
}

/** Does work within a span and ends it. Of an error only the type is told: its message may quote anything. */
export async function inSpan<T>(
  name: string,
  start: SpanStart,
  work: (span: Span, traceparent: string | undefined) => Promise<T>,
): Promise<T> {
  const span = startSpan(name, start);
  try {
    return await work(span, traceparentOf(span));
  } catch (error) {
    fail(span, error instanceof Error ? error.name : typeof error);
    throw error;
  } finally {
    span.end();
  }
}

export function fail(span: Span, type: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', type);
}

/** Does work on behalf of a request that belongs to a trace. */
export const inTraceOf = <T>(context: SpanContext, work: () => T): T => requests.run(context, work);

/** Where the request that this is done for stands in its trace. Only the API has requests. */
export const currentTrace = (): SpanContext | undefined => requests.getStore();

export { type Span, type SpanContext, SpanKind };
