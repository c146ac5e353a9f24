import { type Dialect, onlySelect, type Prepared, preparedOf } from '../source/prepared-query.js';
import { ident } from '../tables/sql-text.js';

/** In which times are texts, so that none is cast. */
const SQLITE: Dialect = {
  quoted: /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\r\n]*/,
  cast: (value) => value,
};

/** The query of a config, or all of its table. */
export function queryOf({ table, query }: Record<string, unknown>): Prepared {
  if (table !== undefined) return { sql: `SELECT * FROM ${ident(String(table))}`, values: [] };
  const { sql, values } = preparedOf(query, SQLITE);
  return { sql: onlySelect(sql), values };
}
