import { type CheckResult, type Column, type JsonObject } from '@tauro/domain';
import { type DuckDbSession } from '../tables/duckdb.js';
import { previewOf } from '../tables/preview.js';
import { countOf, ident } from '../tables/sql-text.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { type CheckItem } from './check-items.js';
import { type BadRows, type CheckStep, looksAtRows } from './checks/check.js';

/** What a check found, and the rows that do not fit, if it looks at rows and there are any. */
export interface Judgement {
  result: CheckResult;
  bad?: BadRows;
}

/** Looks whether one check holds. @throws NodeError when it cannot be worked out: a column is not there, and so on */
export async function judge(
  { place, kind, name, severity, samples, options }: CheckItem,
  table: Omit<CheckStep, 'place' | 'options'>,
): Promise<Judgement> {
  const step: CheckStep = { ...table, place, options };
  const about = { check: name, type: kind.type, severity, total_rows: table.rows };
  try {
    if (looksAtRows(kind, options)) {
      const bad = await kind.rows!(step);
      const query = `SELECT * FROM ${ident(table.view)} WHERE ${bad.where}`;
      const [count] = await table.session.texts(`SELECT count(*) FROM (${query})`);
      const failed_rows = Number(count);
      const passed = failed_rows === 0;
      const all = countOf(table.rows, 'row');
      return {
        result: {
          ...about,
          passed,
          failed_rows,
          message: passed
            ? `fits in ${all}`
            : `does not fit in ${failed_rows.toLocaleString('en-US')} of ${all}`,
          samples: passed ? [] : await samplesOf(table.session, query, bad, samples),
        },
        ...(!passed && { bad }),
      };
    }
    const { samples: query, failed_rows = null, ...found } = await kind.table!(step);
    const shown = query === undefined || found.passed ? [] : await table.session.columns(query);
    return {
      result: {
        ...about,
        ...found,
        failed_rows,
        samples: shown.length > 0 ? await samplesOf(table.session, query!, { shown }, samples) : [],
      },
    };
  } catch (error) {
    throw nodeErrorOf(error, place, table.columns);
  }
}

/** Of a sample: more would not be read, and is kept for every run. */
const MAX_COLUMNS = 10;
const MAX_CHARACTERS = 100;
/** Types whose values are short and have a form of their own in JSON. */
const SHORT = /^(?:BOOLEAN|U?(?:TINY|SMALL|BIG)?INT(?:EGER)?|FLOAT|DOUBLE|DECIMAL.*|DATE|TIME.*)$/;

async function samplesOf(
  session: DuckDbSession,
  query: string,
  { shown, alike = false }: Pick<BadRows, 'shown' | 'alike'>,
  limit: number,
): Promise<JsonObject[]> {
  if (limit === 0) return [];
  const items = shown.slice(0, MAX_COLUMNS).map((column) => `${shortened(column)} AS ${ident(column.name)}`);
  const rows = alike
    ? `SELECT DISTINCT ${items.join(', ')} FROM (${query}) ORDER BY ALL`
    : `SELECT ${items.join(', ')} FROM (${query})`;
  return (await previewOf(session, `SELECT * FROM (${rows} LIMIT ${limit})`, limit)).rows;
}

function shortened({ name, type }: Column): string {
  if (SHORT.test(type)) return ident(name);
  const text = `CAST(${ident(name)} AS VARCHAR)`;
  return `CASE WHEN length(${text}) > ${MAX_CHARACTERS} THEN left(${text}, ${MAX_CHARACTERS - 1}) || '…' ELSE ${text} END`;
}
