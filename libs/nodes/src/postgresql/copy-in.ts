import { pipeline } from 'node:stream/promises';
import { type Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { type NodeContext } from '../node-kind.js';
import { NamedPipe } from '../tables/named-pipe.js';
import { idents } from '../tables/sql-text.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, parquetRows, type TableInput } from '../tables/table-output.js';
import { written } from './types.js';

/** Puts the rows of a table into one of the server's; only what a pipe holds is ever in memory. */
export async function copyIn(
  context: NodeContext,
  client: Client,
  into: string,
  { path }: TableInput,
  columns: TableInput['columns'],
): Promise<void> {
  const pipe = await NamedPipe.create(context.settings.duckdb.tempDirectory);
  const rows = `SELECT ${columns.map(written).join(', ')} FROM (${parquetRows(path)})`;
  const names = idents(columns.map(({ name }) => name));
  try {
    await inSession(context, { paths: [path, pipe.path] }, async (session) => {
      const reader = pipe.reader();
      const failed = new AbortController();
      const writing = session
        .copy(rows, pipe.path, 'FORMAT csv, HEADER false, USE_TMP_FILE false')
        .catch((error: unknown) => {
          failed.abort(error);
          throw error;
        });
      const receiving = pipeline(
        reader,
        client.query(copyFrom(`COPY ${into} (${names}) FROM STDIN (FORMAT csv)`)),
        { signal: AbortSignal.any([context.signal, failed.signal]) },
      ).catch((error: unknown) => {
        session.interrupt();
        throw error;
      });
      const [received, wrote] = await Promise.allSettled([receiving, writing]);
      if (received.status === 'rejected' && !failed.signal.aborted) throw received.reason;
      if (wrote.status === 'rejected') throw wrote.reason;
    });
  } catch (error) {
    throw nodeErrorOf(error, `rows for ${into}`);
  } finally {
    await pipe.remove();
  }
}
