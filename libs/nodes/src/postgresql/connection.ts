import { type ConnectionKind } from '../connections/connection-kind.js';
import {
  CA,
  CONNECT_TIMEOUT,
  HOST,
  portOr,
  secretOf,
  STATEMENT_TIMEOUT,
  text,
  TLS,
} from '../connections/schema-parts.js';

const STANDARD_PORT = 5432;

/** A database of a PostgreSQL server, or of anything that speaks its protocol. */
export const postgresql: ConnectionKind = {
  kind: 'postgresql',
  summary: 'A database of a PostgreSQL server, or of one that speaks its protocol.',
  schema: {
    type: 'object',
    required: ['host', 'database', 'user'],
    additionalProperties: false,
    properties: {
      host: HOST,
      port: portOr(STANDARD_PORT),
      database: text('The database.'),
      user: text('Who logs in.'),
      schema: text('Where tables are looked for and made; the search path of the user by default.', 63),
      tls: TLS,
      ca: CA,
      connect_timeout_seconds: CONNECT_TIMEOUT,
      statement_timeout_seconds: STATEMENT_TIMEOUT,
    },
  },
  secret: secretOf({
    password: 'The password of the user, or a reference such as `{{ secrets.warehouse }}`.',
  }),
  target: ({ host, port }) => `postgresql://${String(host)}:${Number(port ?? STANDARD_PORT)}`,

  async test(connection, how) {
    const { withClient } = await import('./client.js');
    return withClient(connection, how, async (client) => {
      const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
      return `PostgreSQL ${rows[0]!.server_version}`;
    });
  },
};
