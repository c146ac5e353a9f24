import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { checkKey, fitColumns, modeOf, targetExists } from '../sink/write-modes.js';
import { DataFiles, fileDataset } from '../tables/data-files.js';
import { countOf, ident, idents } from '../tables/sql-text.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, shortened, type TableInput } from '../tables/table-output.js';
import { boundRows } from './bound-rows.js';
import { type Database, withDatabase } from './database.js';
import { serverTypeOf } from './types.js';
import { noteWritten, writtenBefore } from './written.js';

type Columns = TableInput['columns'];
type Statement = ReturnType<Database['prepare']>;

/** Writes the rows of the table, in one transaction. */
export async function writeRows(context: NodeContext, table: TableInput): Promise<NodeResult> {
  const { config, settings, artifacts, task, signal } = context;
  const data = new DataFiles(settings, artifacts.root);
  const path = await data.target(String(config['path']));
  const shown = data.display(path);
  const name = String(config['table']);
  await mkdir(dirname(path), { recursive: true });
  await withDatabase(path, shown, async (database) => {
    // Taken at once, so that two attempts come one after the other.
    database.exec('BEGIN IMMEDIATE');
    if (writtenBefore(database, task.id)) {
      context.log('INFO', `an attempt before this one has written the rows to ${name} already`);
      return;
    }
    await write(context, database, table, name);
    noteWritten(database, task.id);
    // A worker that lost its claim meanwhile must not write beside the winner.
    signal.throwIfAborted();
    database.exec('COMMIT');
    context.log('INFO', `wrote ${countOf(table.rows, 'row')} to ${name} in ${shown}`);
  });
  const { rows, columns } = table;
  const use = { access: 'write' as const, ...fileDataset(path), columns, rows };
  return { output: { rows, columns: shortened(columns), path: shown, table: name }, rows, datasets: [use] };
}

async function write(
  context: NodeContext,
  database: Database,
  table: TableInput,
  name: string,
): Promise<void> {
  const { mode, key, drift } = modeOf(context, table);
  const there = columnsOf(database, name);
  const exists = there.length > 0;
  if (exists && mode === 'error') throw targetExists(`table ${name}`);
  if (!exists) make(database, name, table.columns, key);
  const same = (one: string): string => one.toLowerCase();
  const { columns, added } = exists
    ? fitColumns(table.columns, there, { drift, shown: name, same })
    : { columns: table.columns, added: [] };
  for (const column of added) database.exec(`ALTER TABLE ${ident(name)} ADD COLUMN ${definitionOf(column)}`);
  if (mode === 'overwrite') database.exec(`DELETE FROM ${ident(name)}`);
  if (mode === 'upsert') checkKey(columns, key, name);
  const statement = prepared(database, name, columns, key);
  await insert(context, statement, table.path, columns);
}

const columnsOf = (database: Database, table: string): string[] =>
  (database.prepare('SELECT name FROM pragma_table_info(?)').all(table) as { name: string }[]).map(
    (column) => column.name,
  );

const definitionOf = ({ name, type }: Columns[number]): string => `${ident(name)} ${serverTypeOf(type)}`;

function make(database: Database, name: string, columns: Columns, key: readonly string[]): void {
  const primary = key.length > 0 ? [`PRIMARY KEY (${idents(key)})`] : [];
  database.exec(`CREATE TABLE ${ident(name)} (${[...columns.map(definitionOf), ...primary].join(', ')})`);
}

/** @param key with one, rows of the same key are replaced; the last of equal ones counts. */
function insertionOf(table: string, columns: Columns, key: readonly string[]): string {
  const names = columns.map(({ name }) => name);
  const into = `INSERT INTO ${ident(table)} (${idents(names)}) VALUES (${names.map(() => '?').join(', ')})`;
  if (key.length === 0) return into;
  const others = names.filter((name) => !key.includes(name));
  const set = others.map((name) => `${ident(name)} = excluded.${ident(name)}`).join(', ');
  return `${into} ON CONFLICT (${idents(key)}) DO ${set === '' ? 'NOTHING' : `UPDATE SET ${set}`}`;
}

/** @throws NodeError when the key is not unique there */
function prepared(database: Database, table: string, columns: Columns, key: readonly string[]): Statement {
  try {
    return database.prepare(insertionOf(table, columns, key));
  } catch (error) {
    if (!/ON CONFLICT clause does not match/.test((error as Error).message)) throw error;
    const message = `table ${table} has no unique index on ${key.join(', ')}, which upsert needs: CREATE UNIQUE INDEX ... ON ${ident(table)} (${idents(key)})`;
    throw new NodeError('InvalidConfig', message, false);
  }
}

async function insert(
  context: NodeContext,
  statement: Statement,
  path: string,
  columns: Columns,
): Promise<void> {
  try {
    await inSession(context, { paths: [path] }, async (session) => {
      for await (const rows of boundRows(session, path, columns)) for (const row of rows) statement.run(row);
    });
  } catch (error) {
    throw nodeErrorOf(error, 'rows for the table');
  }
}
