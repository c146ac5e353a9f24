import { type OpenAPIObject } from '@nestjs/swagger';
import { VERSION } from '../../version.js';

type Components = NonNullable<OpenAPIObject['components']>;
type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Headers = NonNullable<Components['headers']>;

/** Operations that send an `ETag`, by their id; `EntityTag` fills it. */
export const taggedOperations = new Set<string>();

/** Operations under an older name; `Deprecated` fills it. */
export const deprecatedOperations = new Set<string>();

const requestId = {
  schema: { type: 'string', pattern: '^[\\w.-]{1,128}$' },
  example: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
};

/** Not sent while RATE_LIMIT_ENABLED is false, or Redis away. */
const limitHeader = (description: string, example: number) => ({
  description,
  required: false,
  schema: { type: 'integer' as const, minimum: 0 },
  example,
});

/** Headers, described once; the operations refer to them. */
export const headerComponents = {
  parameters: {
    'X-Request-ID': {
      name: 'X-Request-ID',
      in: 'header',
      required: false,
      description: 'Id of the request, for logs and for what it creates; replaced unless well-formed.',
      ...requestId,
    },
    'Idempotency-Key': {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description:
        'The same key with the same body is answered as the first time, for 24 hours, and carried out once. With another body or path it is refused (409); so it is while the first request is being carried out, with `Retry-After`.',
      schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
      example: '9b2d0c1e-6f0e-4a53-8d3c-0f6f5b1f2a77',
    },
  },
  headers: {
    'X-Request-ID': {
      description: "The request's own `X-Request-ID`, or the id it was given.",
      required: true,
      ...requestId,
    },
    'X-API-Version': {
      description: 'Version of the API that answered.',
      required: true,
      schema: { type: 'string' },
      example: VERSION,
    },
    'Server-Timing': {
      description: 'Milliseconds from the arrival of the request to the beginning of the answer.',
      required: true,
      schema: { type: 'string' },
      example: 'app;dur=4.2',
    },
    Deprecation: {
      description: 'Since when another name is preferred, as seconds since 1970.',
      required: true,
      schema: { type: 'string' },
      example: '@1796083200',
    },
    Sunset: {
      description: 'Until when this name is certain to work.',
      required: true,
      schema: { type: 'string' },
      example: 'Fri, 01 Dec 2028 00:00:00 GMT',
    },
    Link: {
      description: 'The name to use instead.',
      required: true,
      schema: { type: 'string' },
      example: '<stats>; rel="successor-version"',
    },
    ETag: {
      description: 'Tag of the stored version that is shown; for `If-Match`.',
      required: true,
      schema: { type: 'string' },
      example: '"2"',
    },
    'Idempotency-Replayed': {
      description: '`true` when this is the answer to an earlier request with the same `Idempotency-Key`.',
      required: false,
      schema: { type: 'string', enum: ['true'] },
      example: 'true',
    },
    'WWW-Authenticate': {
      description: 'Which credentials would be accepted.',
      required: true,
      schema: { type: 'string' },
      example: 'Bearer realm="tauro"',
    },
    'Retry-After': {
      description: 'Seconds after which it is worth trying again.',
      required: true,
      schema: { type: 'integer', minimum: 1 },
      example: 2,
    },
    'RateLimit-Limit': limitHeader('Requests per window in the class of this route.', 100),
    'RateLimit-Remaining': limitHeader('How many of them are left.', 99),
    'RateLimit-Reset': limitHeader('Seconds until the window ends and all are there again.', 60),
    'RateLimit-Policy': {
      description: 'The limit and its window in seconds.',
      required: false,
      schema: { type: 'string' },
      example: '100;w=60',
    },
  },
} satisfies Components;

/** Statuses that come with a `Retry-After`. */
const WITH_RETRY_AFTER = new Set(['429', '503']);

/** Tells an operation the headers it takes like every other, and each of its answers those it sends. */
export function addHeaders(operation: Operation, takesKey: boolean): void {
  operation.parameters = [
    ...(operation.parameters ?? []),
    ...(takesKey ? [{ $ref: '#/components/parameters/Idempotency-Key' }] : []),
    { $ref: '#/components/parameters/X-Request-ID' },
  ];
  for (const [status, response] of Object.entries(operation.responses)) {
    const tagged = status.startsWith('2') && taggedOperations.has(operation.operationId ?? '');
    (response as { headers?: Headers }).headers = {
      ...sent('X-Request-ID', 'X-API-Version', 'Server-Timing'),
      ...(!operation.tags?.includes('health') && RATE_LIMIT_HEADERS),
      ...(tagged && sent('ETag')),
      ...(takesKey && status.startsWith('2') && sent('Idempotency-Replayed')),
      ...(takesKey && status === '409' && RETRY_LATER),
      ...(status.startsWith('2') &&
        deprecatedOperations.has(operation.operationId ?? '') &&
        sent('Deprecation', 'Sunset', 'Link')),
      ...(status === '401' && operation.security && sent('WWW-Authenticate')),
      ...(WITH_RETRY_AFTER.has(status) && sent('Retry-After')),
    };
  }
}

const sent = (...names: (keyof typeof headerComponents.headers)[]): Headers =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** Only when the conflict is with a request that is still being carried out. */
const RETRY_LATER: Headers = {
  'Retry-After': { ...headerComponents.headers['Retry-After'], required: false },
};

const RATE_LIMIT_HEADERS = sent(
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'RateLimit-Policy',
);
