import { type SpanContext } from '@opentelemetry/api';

/** Version, trace id, parent id and flags; a later version may have more after them. */
const PATTERN = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const NOTHING = /^0+$/;
const SAMPLED = 1;

/** Where a span stands in its trace, as a W3C `traceparent` header says it; undefined for one that is not valid. */
export function parseTraceparent(text: unknown): SpanContext | undefined {
  const [, version, traceId = '0', spanId = '0', flags = '', more] = PATTERN.exec(String(text)) ?? [];
  const valid = version !== 'ff' && !(version === '00' && more) && !NOTHING.test(traceId);
  if (!valid || NOTHING.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: parseInt(flags, 16) & SAMPLED, isRemote: true };
}

/** The `traceparent` of whatever is done on behalf of a span. */
export const formatTraceparent = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-0${traceFlags & SAMPLED}`;
