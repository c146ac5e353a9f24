import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { countOf } from '../tables/sql-text.js';
import { columnMap, SQL_TYPE } from '../tables/schema-parts.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, tableTarget, writeTable } from '../tables/table-output.js';
import { readerCall } from './file-reader.js';
import { type TableSource } from './table-source.js';

/** Makes this attempt's table of the rows that stand in the config. */
async function readRows(context: NodeContext): Promise<NodeResult> {
  const { config, settings } = context;
  const target = await tableTarget(context);
  // DuckDB reads JSON and infers its types best from a file.
  const file = join(settings.duckdb.tempDirectory, `rows-${randomUUID()}.json`);
  await mkdir(settings.duckdb.tempDirectory, { recursive: true });
  try {
    await writeFile(file, JSON.stringify(config['rows']));
    const columns = config['columns'] as Record<string, string> | undefined;
    const options = { sample_size: -1, ...(columns && { columns }) };
    const query = `SELECT * FROM ${readerCall('json', [file], options)}`;
    return await inSession(context, { paths: [file, target.path] }, async (session) => {
      const result = await writeTable(session, query, await session.columns(query), target, context);
      context.log('INFO', `made ${countOf(result.rows, 'row')}`);
      return result;
    });
  } catch (error) {
    throw nodeErrorOf(error, 'rows');
  } finally {
    await rm(file, { force: true });
  }
}

const SCHEMA = {
  type: 'object',
  required: ['source_type', 'rows'],
  additionalProperties: false,
  properties: {
    source_type: { const: 'inline' },
    rows: {
      type: 'array',
      items: { type: 'object' },
      description: 'The rows themselves. An empty list makes an empty table, whose only column is `json`.',
    },
    columns: columnMap(
      SQL_TYPE,
      'All columns with their types, instead of inferring them; other keys are left out.',
    ),
  },
};

/** Rows that stand in the config. */
export const inlineSource: TableSource = { type: 'inline', schema: SCHEMA, read: readRows };
