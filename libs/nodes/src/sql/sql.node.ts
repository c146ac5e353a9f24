import { connectionTarget } from '../connections/connection-target.js';
import { connectionName } from '../connections/schema-parts.js';
import { type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';

const STATEMENT = { type: 'string', minLength: 1, maxLength: 100_000 };

/** Runs SQL where the data is, so that only what it says of itself passes through us. */
export const sqlNode: NodeKind = {
  type: 'sql',
  summary: 'Runs SQL statements in a database, as one transaction that happens once.',
  schema: {
    type: 'object',
    required: ['sql'],
    additionalProperties: false,
    properties: {
      connection: connectionName('postgresql'),
      sql: {
        anyOf: [STATEMENT, { type: 'array', items: STATEMENT, minItems: 1, maxItems: 100 }],
        description:
          'One statement, or several in their order. Templates become values, never SQL; a list stands for its elements. ' +
          'The output is that of the last: how many rows it touched, and up to 100 that it gave.',
      },
    },
  },
  // A statement may give more rows than a process should hold.
  isolated: true,
  target: connectionTarget,
  connection: ({ connection }) => ({ name: connection ?? 'postgresql', kind: 'postgresql' }),
  bound: ([key]) => key === 'sql',

  async execute(context: NodeContext): Promise<NodeResult> {
    // The client is loaded by those who need it.
    const { runStatements } = await import('./run-statements.js');
    return runStatements(context);
  },
};
