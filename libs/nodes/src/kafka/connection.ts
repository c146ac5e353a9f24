import { type ConnectionKind } from '../connections/connection-kind.js';
import { CONNECT_TIMEOUT, secretOf, text } from '../connections/schema-parts.js';

/** Topics of a Kafka cluster, or of anything that speaks its protocol. */
export const kafka: ConnectionKind = {
  kind: 'kafka',
  summary: 'Topics of a Kafka cluster, or of one that speaks its protocol.',
  schema: {
    type: 'object',
    required: ['brokers'],
    additionalProperties: false,
    properties: {
      brokers: {
        type: 'array',
        minItems: 1,
        maxItems: 20,
        items: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,255}:[0-9]{1,5}$' },
        description: 'Brokers that are asked first, such as `kafka-1.example.com:9092`.',
      },
      tls: {
        enum: ['disable', 'require', 'verify'],
        description:
          'disable (default); require encrypts; verify checks the certificates and names of the brokers too.',
      },
      ca: text('For verify: the certificates, as PEM, that vouch for the brokers.', 65_536),
      mechanism: {
        enum: ['plain', 'scram-sha-256', 'scram-sha-512'],
        description: 'How the user is proved, when there is one; plain by default.',
      },
      user: text('Who logs in by SASL.'),
      connect_timeout_seconds: CONNECT_TIMEOUT,
    },
  },
  secret: secretOf({ password: 'The password of the user, or a reference such as `{{ secrets.kafka }}`.' }),
  target: ({ brokers }) => `kafka://${(brokers as string[])[0]}`,

  async test(connection, how) {
    const { withKafka } = await import('./client.js');
    return withKafka(connection, how, async (cluster) => {
      const count = (await cluster.topics()).length;
      return `Kafka with ${count} topic(s)`;
    });
  },
};
