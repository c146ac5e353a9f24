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

const STANDARD_PORT = 3306;

/** A database of a MySQL or MariaDB server. */
export const mysql: ConnectionKind = {
  kind: 'mysql',
  summary: 'A database of a MySQL or MariaDB server.',
  schema: {
    type: 'object',
    required: ['host', 'database', 'user'],
    additionalProperties: false,
    properties: {
      host: HOST,
      port: portOr(STANDARD_PORT),
      database: text('The database of tables that are named without one.', 64),
      user: text('Who logs in.'),
      tls: TLS,
      ca: CA,
      connect_timeout_seconds: CONNECT_TIMEOUT,
      statement_timeout_seconds: STATEMENT_TIMEOUT,
    },
  },
  secret: secretOf({
    password: 'The password of the user, or a reference such as `{{ secrets.shop }}`.',
  }),
  target: ({ host, port }) => `mysql://${String(host)}:${Number(port ?? STANDARD_PORT)}`,

  async test(connection, how) {
    const { withClient } = await import('./client.js');
    return withClient(connection, how, async ({ version }) =>
      /mariadb/i.test(version) ? `MariaDB ${version.replace(/-MariaDB.*$/i, '')}` : `MySQL ${version}`,
    );
  },
};
