import { countOf } from '../../tables/sql-text.js';
import { userExpression, userQuery, type UserSql } from '../../tables/user-sql.js';
import { CHECKED, type CheckKind } from './check.js';

export const sql: CheckKind = {
  type: 'sql',
  schema: {
    description:
      `What no other check says: an expression that is true (or null) for every row, or a query that finds none. Both ` +
      `may name the checked table \`${CHECKED}\`, and upstream tables by node id.`,
    properties: {
      expression: {
        type: 'string',
        minLength: 1,
        description: 'An SQL condition over the columns of a row; templates in it are bound as values.',
      },
      query: {
        type: 'string',
        minLength: 1,
        maxLength: 100_000,
        description: 'One SELECT of what is wrong, instead; templates in it are bound as values.',
      },
    },
  },
  texts: { expression: 'expression', query: 'query' },
  about: () => '',
  fault: ({ expression, query }) =>
    (expression === undefined) === (query === undefined) ? 'needs either expression or query' : undefined,
  asTable: ({ query }) => query !== undefined,
  async rows({ options, session, names, place, columns }) {
    const expression = options['expression'] as UserSql;
    const checked = await userExpression(session, expression, names, `${place}: expression`);
    return { where: `NOT ${checked}`, shown: columns };
  },
  async table({ options, session, names, place }) {
    const query = await userQuery(session, options['query'] as UserSql, names, `${place}: query`);
    const [count] = await session.texts(`SELECT count(*) FROM (${query})`);
    const failed_rows = Number(count);
    const message = `the query found ${countOf(failed_rows, 'row')}`;
    return { passed: failed_rows === 0, message, failed_rows, samples: query };
  },
};
