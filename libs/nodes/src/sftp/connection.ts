import { type ConnectionKind } from '../connections/connection-kind.js';
import { CONNECT_TIMEOUT, HOST, portOr, secretOf, text } from '../connections/schema-parts.js';

const STANDARD_PORT = 22;

/** Files of a server that speaks SFTP. */
export const sftp: ConnectionKind = {
  kind: 'sftp',
  summary: 'Files of a server that speaks SFTP.',
  schema: {
    type: 'object',
    required: ['host', 'user', 'host_key'],
    additionalProperties: false,
    properties: {
      host: HOST,
      port: portOr(STANDARD_PORT),
      user: text('Who logs in.'),
      host_key: {
        type: 'string',
        pattern: '^SHA256:[A-Za-z0-9+/]{43}=?$',
        description:
          'The fingerprint of the key by which the server is known, as `ssh-keyscan host | ssh-keygen -lf -` shows it: `SHA256:…`. A server with another key is not talked to.',
      },
      folder: text('Where relative paths begin; the home of the user by default.', 4096),
      connect_timeout_seconds: CONNECT_TIMEOUT,
    },
  },
  secret: secretOf({
    password: 'The password of the user, or a reference such as `{{ secrets.files }}`.',
    private_key: 'Or a private key, as OpenSSH or PEM.',
    passphrase: 'Of the private key.',
  }),
  target: ({ host, port }) => `sftp://${String(host)}:${Number(port ?? STANDARD_PORT)}`,

  async test(connection, how) {
    const { withSftp } = await import('./client.js');
    return withSftp(connection, how, async (files) => `SFTP server with ${await files.home()}`);
  },
};
