import { type Column, type Json, type JsonObject } from '@tauro/domain';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { previewOf } from '../tables/preview.js';
import { countOf } from '../tables/sql-text.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, parquetRows, shortened, type TableInput } from '../tables/table-output.js';
import { type TableSink } from './table-sink.js';

/** Widest cell of the drawn table, and most bytes of the preview in the output, which holds 64 KB. */
const MAX_CELL = 40;
const MAX_PREVIEW = 24_000;

/** A preview in the run's log. */
export const consoleSink: TableSink = {
  type: 'console',
  schema: {
    type: 'object',
    required: ['destination'],
    additionalProperties: false,
    properties: {
      destination: { const: 'console' },
      limit: { type: 'integer', minimum: 1, maximum: 100, description: 'Rows to show; 20 by default.' },
    },
  },
  write: showRows,
};

async function showRows(context: NodeContext, { path, columns, rows }: TableInput): Promise<NodeResult> {
  const limit = Number(context.config['limit'] ?? 20);
  try {
    const preview = await inSession(context, { paths: [path] }, (session) =>
      previewOf(session, parquetRows(path), limit),
    );
    const shown = preview.rows.length < rows ? `first ${preview.rows.length} of ` : '';
    context.log('INFO', `${shown}${countOf(rows, 'row')}\n${drawTable(columns, preview.rows)}`);
    return { output: { rows, columns: shortened(columns), preview: withinBudget(preview.rows) }, rows };
  } catch (error) {
    throw nodeErrorOf(error, 'console');
  }
}

/** Rows as lines of text, numbers to the right. */
export function drawTable(columns: readonly Column[], rows: readonly JsonObject[]): string {
  const cells = rows.map((row) => columns.map(({ name }) => cellOf(row[name])));
  const widths = columns.map(({ name }, i) => Math.max(name.length, ...cells.map((row) => row[i]!.length)));
  const isNumber = columns.map(({ name }) =>
    rows.every((row) => row[name] === null || typeof row[name] === 'number'),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, i) => (isNumber[i] ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
      .join(' | ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('-+-');
  return [line(columns.map(({ name }) => name)), rule, ...cells.map(line)].join('\n');
}

function cellOf(value: Json | undefined): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const plain = text.replace(/\p{Cc}/gu, ' ');
  return plain.length > MAX_CELL ? `${plain.slice(0, MAX_CELL - 1)}…` : plain;
}

function withinBudget(rows: JsonObject[]): JsonObject[] {
  let left = MAX_PREVIEW;
  return rows.filter((row) => (left -= JSON.stringify(row).length) >= 0);
}
