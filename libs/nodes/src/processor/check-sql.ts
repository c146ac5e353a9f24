import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorDetail, type Json, TemplateError } from '@tauro/domain';
import { NodeError } from '../node-kind.js';
import { CHECKED } from '../quality/checks/check.js';
import { CHECKS } from '../quality/checks/index.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import { badSql } from '../tables/sql-ast.js';
import { literal } from '../tables/sql-text.js';
import { EngineFault, sentence } from '../tables/table-errors.js';
import { parserSession, userExpression, userQuery, type UserSql, withoutValues } from '../tables/user-sql.js';
import { itemsOf } from './items.js';
import { TRANSFORMATIONS } from './transformations/index.js';

/** SQL, or a pattern, somewhere in a config. */
interface SqlText {
  field: string;
  text: string;
  check: typeof userQuery;
  /** What it may name besides the inputs. */
  besides?: string[];
}

/** What is wrong with the SQL of a config, before there are values for its templates or columns to look at. */
export async function sqlFaults(
  config: { sql?: Json; transformations?: Json; checks?: Json },
  inputs: readonly string[],
): Promise<ErrorDetail[]> {
  const texts = [...queriesOf(config), ...expressionsOf(config), ...checkTexts(config)];
  if (texts.length === 0) return [];
  const session = await parserSession(join(tmpdir(), 'tauro-parser'));
  const faults: ErrorDetail[] = [];
  for (const { field, text, check, besides = [] } of texts) {
    try {
      await check(session, withoutValues(text, field), [...inputs, ...besides], field);
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

const PARSERS = { expression: userExpression, query: userQuery, pattern: userPattern };

/** @throws NodeError for what is no regular expression */
async function userPattern(
  session: DuckDbSession,
  pattern: UserSql,
  _inputs: readonly string[],
  place: string,
): Promise<string> {
  if (typeof pattern !== 'string') return pattern.text;
  try {
    await session.run(`SELECT regexp_full_match('', ${literal(pattern)})`);
    return pattern;
  } catch (error) {
    if (!(error instanceof EngineFault)) throw error;
    throw badSql(place, `is no regular expression of RE2: ${sentence(error)}`);
  }
}

function checkTexts({ checks }: { checks?: Json }): SqlText[] {
  if (!Array.isArray(checks)) return [];
  return (checks as Record<string, unknown>[]).flatMap(({ type, ...options }, i) =>
    Object.entries(CHECKS.get(type as string)?.texts ?? {}).flatMap(([key, what]) => {
      const text = options[key];
      if (typeof text !== 'string') return [];
      return [{ field: `config.checks.${i}.${key}`, text, check: PARSERS[what], besides: [CHECKED] }];
    }),
  );
}
