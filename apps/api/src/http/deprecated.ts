import { applyDecorators, Header } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { deprecatedOperations } from './openapi/headers.js';

/** The rule that docs/api-changelog.md tells clients. */
const KEPT_YEARS = 2;

/**
 * Another name of something, which new clients should not use any more. Answers say since when (RFC 9745), until when
 * it is certain to work (RFC 8594), and what to use instead.
 * @param since a day, such as `2026-12-01`. @param successor how the other name ends, relative to this one.
 */
export function Deprecated(since: string, successor: string): MethodDecorator {
  const day = new Date(`${since}T00:00:00Z`);
  const end = new Date(day);
  end.setUTCFullYear(end.getUTCFullYear() + KEPT_YEARS);
  return applyDecorators(
    Header('Deprecation', `@${day.getTime() / 1000}`),
    Header('Sunset', end.toUTCString()),
    Header('Link', `<${successor}>; rel="successor-version"`),
    ApiOperation({ deprecated: true }),
    (_target: object, key: string | symbol) => void deprecatedOperations.add(String(key)),
  );
}
