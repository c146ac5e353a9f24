import { type ConnectionKind } from '../connections/connection-kind.js';
import {
  CA,
  CONNECT_TIMEOUT,
  HOST,
  portOr,
  secretOf,
  STATEMENT_TIMEOUT,
  text,
} from '../connections/schema-parts.js';

const STANDARD_PORT = 27_017;

/** A database of a MongoDB server. */
export const mongodb: ConnectionKind = {
  kind: 'mongodb',
  summary: 'A database of a MongoDB server or replica set.',
  schema: {
    type: 'object',
    required: ['host', 'database'],
    additionalProperties: false,
    properties: {
      host: HOST,
      port: portOr(STANDARD_PORT),
      database: text('The database.', 63),
      replica_set: text(
        'The replica set that the server belongs to: its primary is found by its members. Without it only this server is spoken to.',
        128,
      ),
      user: text('Who logs in; nobody by default.'),
      auth_database: text('Where the user is defined; `admin` by default.', 63),
      tls: {
        enum: ['disable', 'require', 'verify'],
        description:
          'disable (default); require encrypts; verify checks the certificate and the name of the server too.',
      },
      ca: CA,
      connect_timeout_seconds: CONNECT_TIMEOUT,
      statement_timeout_seconds: {
        ...STATEMENT_TIMEOUT,
        description: 'Seconds that the server may take to find what a source asks for; no limit by default.',
      },
    },
  },
  secret: secretOf({
    password: 'The password of the user, or a reference such as `{{ secrets.events }}`.',
  }),
  target: ({ host, port }) => `mongodb://${String(host)}:${Number(port ?? STANDARD_PORT)}`,

  async test(connection, how) {
    const { withDatabase } = await import('./client.js');
    return withDatabase(connection, how, async (db) => {
      // Asked of the database, so that a user who may do nothing there is told so.
      await db.command({ listCollections: 1, nameOnly: true, authorizedCollections: true });
      const { version } = (await db.command({ buildInfo: 1 })) as { version?: string };
      return `MongoDB ${version}`;
    });
  },
};
