import { type ConnectionKind } from '../connections/connection-kind.js';
import { secretOf, text } from '../connections/schema-parts.js';
import { NodeError } from '../node-kind.js';

/** A service that answers JSON over HTTP. */
export const rest: ConnectionKind = {
  kind: 'http',
  summary: 'A service that answers JSON over HTTP.',
  schema: {
    type: 'object',
    required: ['base_url'],
    additionalProperties: false,
    properties: {
      base_url: {
        type: 'string',
        pattern: '^https?://[^/?#@]+(/[^?#]*)?$',
        maxLength: 2048,
        description: 'What all paths begin with, such as `https://api.example.com/v2`.',
      },
      auth: {
        enum: ['none', 'basic', 'bearer', 'header'],
        description:
          'none (default); basic sends user and secret.password; bearer sends secret.token; header sends secret.token as the header that header_name says.',
      },
      user: text('For basic: who logs in.'),
      header_name: {
        type: 'string',
        pattern: '^[A-Za-z0-9-]{1,100}$',
        description: 'For header: `X-API-Key` by default.',
      },
      headers: {
        type: 'object',
        maxProperties: 50,
        propertyNames: { pattern: '^[A-Za-z0-9-]{1,100}$' },
        additionalProperties: { type: 'string', maxLength: 4096 },
        description: 'Sent with every request. What is secret belongs into `secret`.',
      },
    },
  },
  secret: secretOf({ password: 'For basic.', token: 'For bearer and header.' }),
  target: ({ base_url }) => new URL(String(base_url)).origin,

  async test(connection, { egressAllowPrivate, signal }) {
    const { ask } = await import('./ask.js');
    const { origin } = new URL(String(connection.config['base_url']));
    const { status } = await ask(connection, {}, egressAllowPrivate, signal);
    // That there is nothing at the base itself is no fault of the connection.
    if (status === 401 || status === 403) {
      throw new NodeError(
        'AuthenticationFailed',
        `connection '${connection.name}': ${origin} answered ${status}`,
        false,
      );
    }
    if (status >= 500)
      throw new NodeError(
        'ConnectionFailed',
        `connection '${connection.name}': ${origin} answered ${status}`,
      );
    return `HTTP ${status} from ${origin}`;
  },
};
