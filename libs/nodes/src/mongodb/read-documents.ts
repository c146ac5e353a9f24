import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type AbstractCursor, BSON, type Db, type Document } from 'mongodb';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { checkNames, type TextColumn } from '../tables/csv-stream.js';
import { countOf, literal, structLiteral } from '../tables/sql-text.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, type TableMade, tableTarget, writeTable } from '../tables/table-output.js';
import { withDatabase } from './client.js';
import { collectionDataset } from './dataset.js';
import { columnOf, KeyTypes } from './key-types.js';
import { operatorFaults, withValues } from './question.js';
import { tell } from './values.js';

const MAX_KEYS = 5000;
/** The server's documents have 16 MB; as JSON they may have more. */
const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;
const BATCH = 1000;

/** By way of a file: only the last document tells what the keys are. */
export async function readDocuments(context: NodeContext): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const collection = String(config['collection']);
  const file = join(settings.duckdb.tempDirectory, `documents-${randomUUID()}.ndjson`);
  await mkdir(settings.duckdb.tempDirectory, { recursive: true });
  const { egressAllowPrivate } = settings;
  try {
    const seen = await withDatabase(connection!, { egressAllowPrivate, signal }, async (db) => {
      await assertThere(db, collection, connection!.name);
      return download(context, cursorOf(db, context), file);
    });
    const made = await tableOfDocuments(context, file, columnsOf(seen, config['columns']));
    context.log('INFO', `read ${countOf(made.rows, 'document')} of ${collection} from ${connection!.name}`);
    const { rows, table } = made;
    const use = { access: 'read' as const, ...collectionDataset(connection!, collection) };
    return { ...made, datasets: [{ ...use, columns: table.columns, rows }] };
  } finally {
    await rm(file, { force: true });
  }
}

/** To the server a collection that is not there is an empty one. */
async function assertThere(db: Db, name: string, connection: string): Promise<void> {
  const found = await db.listCollections({ name }, { nameOnly: true, authorizedCollections: true }).toArray();
  if (found.length > 0) return;
  const message = `connection '${connection}': there is no collection '${name}' in ${db.databaseName}`;
  throw new NodeError('TableNotFound', message, false);
}

function cursorOf(db: Db, { config, connection }: NodeContext): AbstractCursor<Document> {
  const part = (key: string): Document | undefined => {
    const [fault] = operatorFaults(config[key], key);
    if (fault) throw new NodeError('InvalidConfig', `${fault.field}: ${fault.message}`, false);
    try {
      return BSON.EJSON.deserialize(withValues(config[key] ?? {}, key) as Document) as Document;
    } catch (error) {
      throw new NodeError('InvalidConfig', (error as Error).message, false);
    }
  };
  const seconds = connection!.config['statement_timeout_seconds'];
  // Every value as what it is, not as what JavaScript has for it.
  const exact = { promoteValues: false, promoteLongs: false, bsonRegExp: true };
  const options = {
    ...exact,
    batchSize: BATCH,
    ...(seconds !== undefined && { maxTimeMS: Number(seconds) * 1000 }),
  };
  const collection = db.collection(String(config['collection']));
  if (config['pipeline'] !== undefined) {
    const stages = Object.values(part('pipeline')!) as Document[];
    return collection.aggregate(stages, { ...options, allowDiskUse: true });
  }
  return collection.find(part('filter')!, {
    ...options,
    ...(config['projection'] !== undefined && { projection: part('projection') }),
    ...(config['sort'] !== undefined && {
      sort: config['sort'] as Record<string, 1 | -1>,
      allowDiskUse: true,
    }),
    ...(config['limit'] !== undefined && { limit: Number(config['limit']) }),
  });
}

/** Writes the documents into a file, one per line. */
async function download(
  { settings, signal }: NodeContext,
  cursor: AbstractCursor<Document>,
  file: string,
): Promise<KeyTypes> {
  const keys = new KeyTypes();
  const most = settings.duckdb.maxTempDiskMb * 1024 * 1024;
  let bytes = 0;
  async function* lines(): AsyncGenerator<string> {
    for await (const document of cursor) {
      const line = lineOf(document, keys);
      bytes += Buffer.byteLength(line);
      if (bytes > most) {
        throw new NodeError(
          'OutOfMemory',
          'the documents need more than DUCKDB_TEMP_DISK_MB lets a node use',
          false,
        );
      }
      if (keys.size > MAX_KEYS) {
        const message = `the documents have more than ${MAX_KEYS} different keys; name those that matter in projection or columns`;
        throw new NodeError('InvalidConfig', message, false);
      }
      yield line;
    }
  }
  try {
    await pipeline(Readable.from(lines(), { highWaterMark: 64 }), createWriteStream(file), { signal });
  } finally {
    await cursor.close().catch(() => undefined);
  }
  return keys;
}

function lineOf(document: Document, keys: KeyTypes): string {
  const fields = Object.entries(document).map(([key, value]) => {
    const told = tell(value);
    keys.see(key, told);
    return `${JSON.stringify(key)}:${told.json}`;
  });
  return `{${fields.join(',')}}\n`;
}

function columnsOf(seen: KeyTypes, declared: unknown): TextColumn[] {
  const types = declared as Record<string, string> | undefined;
  if (types) return Object.entries(types).map(([name, type]) => columnOf(name, type));
  // A table has a column at least.
  return seen.size === 0 ? [columnOf('_id', 'VARCHAR')] : seen.columns();
}

async function tableOfDocuments(
  context: NodeContext,
  file: string,
  columns: readonly TextColumn[],
): Promise<TableMade> {
  checkNames(
    columns.map(({ name }) => name),
    {},
  );
  const target = await tableTarget(context);
  const types = Object.fromEntries(columns.map(({ name, read }) => [name, read]));
  const options = `format = 'newline_delimited', maximum_object_size = ${MAX_DOCUMENT_BYTES}, columns = ${structLiteral(types)}`;
  const query = `SELECT ${columns.map(({ taken }) => taken).join(', ')} FROM read_json(${literal(file)}, ${options})`;
  try {
    return await inSession(context, { paths: [file, target.path] }, async (session) =>
      writeTable(session, query, await session.columns(query), target, context),
    );
  } catch (error) {
    throw nodeErrorOf(error, 'documents');
  }
}
