import { type Column } from '@tauro/domain';
import { type Row } from '@tauro/sdk';
import { exactJson, jsonObject } from '../tables/json-rows.js';
import { ident } from '../tables/sql-text.js';
import { isoOrJson } from '../tables/table-page.js';

/** How the rows of a table come over: as the SQL of a JSON text, and what becomes of that text. */
export interface RowReader {
  sql: string;
  parse(text: string): Row;
}

/** What becomes of a value that came as text because JSON has no number for it, or a double would round it. */
const MENDS: readonly [type: RegExp, mend: (text: string) => unknown][] = [
  [/^U?(?:BIG|HUGE)INT$/, BigInt],
  [/^(?:DOUBLE|FLOAT)$/, toDouble],
  [/^BLOB$/, (text) => new Uint8Array(Buffer.from(text, 'hex'))],
];

/** Types of which no value has to be looked at twice. */
const PLAIN = /^(?:U?(?:TINY|SMALL)INT|U?INTEGER|BOOLEAN|VARCHAR|DATE|TIME|TIMESTAMP[^[]*|UUID)$/;

/** Rows as what JavaScript has for them: see `Row`. */
export function rowReader(columns: readonly Column[]): RowReader {
  const mended = columns.flatMap(({ name, type }) => {
    const found = MENDS.find(([of]) => of.test(type));
    return found ? [[name, found[1]] as const] : [];
  });
  const plain = columns.every(({ type }) => PLAIN.test(type));
  return {
    sql: jsonObject(columns, (column) =>
      column.type === 'BLOB' ? `to_json(hex(${ident(column.name)}))::VARCHAR` : isoOrJson(column),
    ),
    parse: (text) => {
      const row = JSON.parse(plain ? text : exactJson(text)) as Row;
      for (const [name, mend] of mended) {
        const value = row[name];
        if (typeof value === 'string') row[name] = mend(value);
      }
      return row;
    },
  };
}

function toDouble(text: string): number {
  if (!/inf/i.test(text)) return Number(text);
  return text.startsWith('-') ? -Infinity : Infinity;
}
