const scalar = { type: ['string', 'number', 'boolean', 'null'] };
const status = { type: 'integer', minimum: 100, maximum: 599 };

/** Config of an `http` node. Templates may stand in every string; a whole-string template may give any type. */
export const HTTP_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  properties: {
    method: {
      description: 'GET when there is no body, POST when there is one.',
      enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    },
    url: { description: 'http or https.', type: 'string', minLength: 1, maxLength: 8192 },
    headers: { type: 'object', additionalProperties: scalar },
    query: {
      description: 'Added to the URL, escaped; a list repeats its name, null leaves it out.',
      type: 'object',
      additionalProperties: { anyOf: [scalar, { type: 'array', items: scalar }] },
    },
    body: { description: 'A string is sent as it is, anything else as JSON.' },
    expected_status: {
      description: 'A status or a list of them; any 2xx when absent.',
      anyOf: [status, { type: 'array', items: status, minItems: 1 }],
    },
    timeout_seconds: {
      description: 'Bound of the whole call, redirects included; 30 when absent.',
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 3600,
    },
  },
} as const;
