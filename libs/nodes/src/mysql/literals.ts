import { ident, literal } from '../tables/sql-text.js';
import { isNested } from './types.js';

/** What is a number to the server, as DuckDB writes it. */
const NUMBER = /^(?:U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(\d+,\s*\d+\))$/;

/** The SQL, of DuckDB's, of a row as what stands after the server's `VALUES`, in a session without backslash escapes. */
export const tupleOf = (columns: readonly { name: string; type: string }[]): string =>
  `concat('(', ${columns.map(valueOf).join(`, ',', `)}, ')')`;

function valueOf({ name, type }: { name: string; type: string }): string {
  const column = ident(name);
  const value = (): string => {
    if (type === 'BOOLEAN') return `${column}::INTEGER::VARCHAR`;
    if (NUMBER.test(type)) return `${column}::VARCHAR`;
    if (type === 'BLOB') return `concat(${literal("x'")}, hex(${column}), ${literal("'")})`;
    if (type === 'TIMESTAMP WITH TIME ZONE') return quoted(`(${column} AT TIME ZONE 'UTC')::VARCHAR`);
    if (isNested(type) && type !== 'JSON') return quoted(`to_json(${column})::VARCHAR`);
    // NaN and infinities, too, are texts that the server may refuse.
    return quoted(`${column}::VARCHAR`);
  };
  return `CASE WHEN ${column} IS NULL THEN 'NULL' ELSE ${value()} END`;
}

const quoted = (text: string): string => `concat('''', replace(${text}, '''', ''''''), '''')`;
