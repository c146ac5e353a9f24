import { type OpenAPIObject } from '@nestjs/swagger';

type Components = NonNullable<OpenAPIObject['components']>;
type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Headers = NonNullable<Components['headers']>;

/** Operations that send an `ETag`, by their id; `EntityTag` fills it. */
export const taggedOperations = new Set<string>();

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
  },
  headers: {
    'X-Request-ID': {
      description: "The request's own `X-Request-ID`, or the id it was given.",
      required: true,
      ...requestId,
    },
    ETag: {
      description: 'Tag of the stored version that is shown; for `If-Match`.',
      required: true,
      schema: { type: 'string' },
      example: '"2"',
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
export function addHeaders(operation: Operation): void {
  const parameters = operation.parameters ?? [];
  operation.parameters = [...parameters, { $ref: '#/components/parameters/X-Request-ID' }];
  for (const [status, response] of Object.entries(operation.responses)) {
    const tagged = status.startsWith('2') && taggedOperations.has(operation.operationId ?? '');
    (response as { headers?: Headers }).headers = {
      ...sent('X-Request-ID'),
      ...(!operation.tags?.includes('health') && RATE_LIMIT_HEADERS),
      ...(tagged && sent('ETag')),
      ...(WITH_RETRY_AFTER.has(status) && sent('Retry-After')),
    };
  }
}

const sent = (...names: (keyof typeof headerComponents.headers)[]): Headers =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

const RATE_LIMIT_HEADERS = sent(
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'RateLimit-Policy',
);
