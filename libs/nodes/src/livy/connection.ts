import { type ConnectionKind } from '../connections/connection-kind.js';
import { secretOf, text } from '../connections/schema-parts.js';

/** A Spark cluster behind the REST API of Apache Livy. */
export const livy: ConnectionKind = {
  kind: 'livy',
  summary: 'A Spark cluster behind the REST API of Apache Livy.',
  schema: {
    type: 'object',
    required: ['url'],
    additionalProperties: false,
    properties: {
      url: {
        type: 'string',
        pattern: '^https?://[^/?#@]+(/[^?#]*)?$',
        maxLength: 2048,
        description:
          'Where Livy is, such as `http://livy.example.com:8998`, or what a gateway has before it.',
      },
      auth: {
        enum: ['none', 'basic', 'bearer'],
        description: 'none (default); basic sends user and secret.password; bearer sends secret.token.',
      },
      user: text('For basic: who logs in.'),
    },
  },
  secret: secretOf({ password: 'For basic.', token: 'For bearer.' }),
  target: ({ url }) => new URL(String(url)).origin,

  async test(connection, { egressAllowPrivate, signal }) {
    const { Livy } = await import('./livy.js');
    const livy = new Livy(connection, egressAllowPrivate);
    // The version is told to everybody, what runs is not.
    const { total } = await livy.page(0, 1, signal);
    const version = await livy.version(signal);
    return `Livy ${version ?? 'of an unknown version'}, ${total} batch(es)`;
  },
};
