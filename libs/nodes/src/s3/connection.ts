import { type ConnectionKind } from '../connections/connection-kind.js';
import { secretOf, text } from '../connections/schema-parts.js';
import { endpointOf } from './endpoint.js';

/** Objects of Amazon S3, or of anything that speaks its protocol. */
export const s3: ConnectionKind = {
  kind: 's3',
  summary: 'Objects of Amazon S3, or of a store that speaks its protocol.',
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      endpoint: {
        type: 'string',
        pattern: '^https?://[^/?#@]+/?$',
        maxLength: 255,
        description:
          'Of a compatible store, such as `https://minio.example.com:9000`; that of the region by default.',
      },
      region: { type: 'string', pattern: '^[a-z0-9-]{1,64}$', description: '`us-east-1` by default.' },
      bucket: text('The bucket of nodes that name none.', 63),
      path_style: {
        type: 'boolean',
        description:
          'Whether the bucket stands in the path instead of the host; true by default with an endpoint.',
      },
    },
  },
  secret: secretOf({
    access_key_id: 'Without keys requests are not signed, as for public buckets.',
    secret_access_key: 'Belongs to access_key_id.',
    session_token: 'Of temporary keys.',
  }),
  target: (config) => `s3://${new URL(endpointOf(config)).host}`,

  async test(connection, { egressAllowPrivate, signal }) {
    const { withS3 } = await import('./client.js');
    return withS3(connection, egressAllowPrivate, signal, (store) => store.greet());
  },
};
