import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorDetail, type Json, TemplateError } from '@tauro/domain';
import { NodeError } from '../node-kind.js';
import { parserSession, userExpression, userQuery, withoutValues } from '../tables/user-sql.js';
import { itemsOf } from './items.js';
import { TRANSFORMATIONS } from './transformations/index.js';

/** SQL somewhere in a config. */
interface SqlText {
  field: string;
  text: string;
  check: typeof userQuery;
}

/** What is wrong with the SQL of a config, before there are values for its templates or columns to look at. */
export async function sqlFaults(
  config: { sql?: Json; transformations?: Json },
  inputs: readonly string[],
): Promise<ErrorDetail[]> {
  const texts = [...queriesOf(config), ...expressionsOf(config)];
  if (texts.length === 0) return [];
  const session = await parserSession(join(tmpdir(), 'tauro-parser'));
  const faults: ErrorDetail[] = [];
  for (const { field, text, check } of texts) {
    try {
      await check(session, withoutValues(text, field), inputs, field);
    } catch (error) {
      // Faults of templates are told by whoever checks the templates of all configs.
      if (error instanceof TemplateError) continue;
      if (!(error instanceof NodeError)) throw error;
      faults.push({ field, message: error.message.replace(`${field}: `, ''), type: 'sql_error' });
    }
  }
  return faults;
}

const queriesOf = ({ sql }: { sql?: Json }): SqlText[] =>
  typeof sql === 'string' ? [{ field: 'config.sql', text: sql, check: userQuery }] : [];

function expressionsOf({ transformations }: { transformations?: Json }): SqlText[] {
  if (!Array.isArray(transformations)) return [];
  return itemsOf(transformations).flatMap(({ type, options }, i) =>
    (TRANSFORMATIONS.get(type)?.expressions ?? []).flatMap((key) => {
      const field = `config.transformations.${i}.${key}`;
      const value = options[key] as string | Record<string, string>;
      const texts: [string, string][] =
        typeof value === 'string'
          ? [[field, value]]
          : Object.entries(value).map(([name, text]) => [`${field}.${name}`, text]);
      return texts.map(([at, text]) => ({ field: at, text, check: userExpression }));
    }),
  );
}
