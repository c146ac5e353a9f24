import { NodeError, type NodeContext } from '../node-kind.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, parquetRows, type TableInput } from '../tables/table-output.js';
import { type Client } from './client.js';
import { tupleOf } from './literals.js';
import { idents } from './table-name.js';

/** Bytes of one statement, where the server takes so many. */
const STATEMENT = 1024 * 1024;
/** What a packet holds besides the statement. */
const ROOM = 1024;

interface Insert {
  /** A table, as SQL. */
  into: string;
  /** The Parquet file of the rows. */
  path: string;
  columns: TableInput['columns'];
  /** What follows the rows of each statement. */
  then?: string;
}

/** Puts rows into a table of the server's, in the open transaction; one statement is what is ever in memory. */
export async function insertRows(
  context: NodeContext,
  client: Client,
  { into, path, columns, then = '' }: Insert,
): Promise<void> {
  const [{ most }] = await client.query<{ most: string | number }>('SELECT @@max_allowed_packet AS most');
  const head = `INSERT INTO ${into} (${idents(columns.map(({ name }) => name))}) VALUES `;
  const room = Number(most) - ROOM - Buffer.byteLength(head + then);
  const full = Math.min(STATEMENT, room);
  let rows: string[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (rows.length > 0) await client.query(`${head}${rows.join(',')}${then}`);
    rows = [];
    bytes = 0;
  };
  try {
    await inSession(context, { paths: [path] }, async (session) => {
      for await (const tuples of session.stream(`SELECT ${tupleOf(columns)} FROM (${parquetRows(path)})`)) {
        for (const tuple of tuples) {
          const size = Buffer.byteLength(tuple) + 1;
          if (size > room) throw tooLong(size, Number(most));
          if (bytes + size > full) await flush();
          rows.push(tuple);
          bytes += size;
        }
      }
      await flush();
    });
  } catch (error) {
    throw nodeErrorOf(error, 'rows for the table');
  }
}

const tooLong = (bytes: number, most: number): NodeError =>
  new NodeError(
    'BadValue',
    `a row has ${bytes} bytes as SQL, more than the server's max_allowed_packet (${most})`,
    false,
  );
