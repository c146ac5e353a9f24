import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { countOf } from '../tables/sql-text.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, tableTarget, writeTable } from '../tables/table-output.js';
import { readerCall } from './file-reader.js';

/** Makes this attempt's table of the rows that stand in the config. */
export async function readRows(context: NodeContext): Promise<NodeResult> {
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
