import { createHash } from 'node:crypto';
import { type CollectionInfo, type Db, type MongoClient, MongoServerError } from 'mongodb';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { modeOf, targetExists } from '../sink/write-modes.js';
import { countOf } from '../tables/sql-text.js';
import { shortened, type TableInput } from '../tables/table-output.js';
import { withDatabase } from './client.js';
import { collectionDataset } from './dataset.js';
import { insertRows, upsertRows } from './put-rows.js';
import { RowIds } from './row-ids.js';
import { Writes } from './written.js';

/** Rows that are one transaction, where the server has such: it gives one a minute. */
const TRANSACTION_ROWS = 10_000;
const NAMESPACE_EXISTS = 48;

interface Writing {
  context: NodeContext;
  table: TableInput;
  db: Db;
  client: MongoClient;
  writes: Writes;
  name: string;
  /** The target, when it is there. */
  found: CollectionInfo | undefined;
}

/** Writes the rows of the table as documents, once. */
export async function writeDocuments(context: NodeContext, table: TableInput): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const { egressAllowPrivate } = settings;
  const name = String(config['collection']);
  return withDatabase(connection!, { egressAllowPrivate, signal }, async (db, client) => {
    const writes = new Writes(db, context.task.id);
    const before = await writes.has(name);
    if (!before) {
      await writes.forgetOld();
      const [found] = (await db.listCollections({ name }).toArray()) as CollectionInfo[];
      await write({ context, table, db, client, writes, name, found });
    }
    const said = before
      ? `an attempt before this one has written the rows to ${name} already`
      : `wrote ${countOf(table.rows, 'document')} to ${name} of ${connection!.name}`;
    context.log('INFO', said);
    const { rows, columns } = table;
    const use = { access: 'write' as const, ...collectionDataset(connection!, name), columns, rows };
    return { output: { rows, columns: shortened(columns), collection: name }, rows, datasets: [use] };
  });
}

async function write(writing: Writing): Promise<void> {
  const { context, table, found, name } = writing;
  const { mode, key } = modeOf(context, table);
  if (found && found.type !== 'collection') {
    throw new NodeError(
      'InvalidConfig',
      `${name} is a ${found.type}: rows are written to collections`,
      false,
    );
  }
  if (mode === 'error' && found) throw targetExists(`collection ${name}`);
  if (mode === 'overwrite' || mode === 'error') return replace(writing, mode === 'overwrite');
  if (mode === 'upsert') await assertUnique(writing, key);
  else if (table.columns.some((column) => column.name === '_id')) {
    const message =
      'append gives documents ids of its own: leave the column _id out, or use upsert with key _id';
    throw new NodeError('InvalidConfig', message, false);
  }
  return (await isAtomic(writing)) ? atOnce(writing, key) : oneByOne(writing, key);
}

/** Without an index every row would look at every document, and two writers could both add the same key. */
async function assertUnique({ db, name, found }: Writing, key: readonly string[]): Promise<void> {
  if (key.join() === '_id') return;
  const collection = db.collection(name);
  const spec = Object.fromEntries(key.map((one) => [one, 1]));
  if (!found) return void (await collection.createIndex(spec, { unique: true }));
  const indexes = await collection.indexes();
  const wanted = [...key].sort().join('\n');
  const has = indexes.some(
    (index) =>
      index.unique === true &&
      index.partialFilterExpression === undefined &&
      Object.keys(index.key).sort().join('\n') === wanted,
  );
  if (has) return;
  const message = `collection ${name} has no unique index on ${key.join(', ')}, which upsert needs: createIndex(${JSON.stringify(spec)}, {"unique": true})`;
  throw new NodeError('InvalidConfig', message, false);
}

/** Replica sets, and shards of them, have transactions. */
async function isAtomic({ db, table }: Writing): Promise<boolean> {
  if (table.rows > TRANSACTION_ROWS) return false;
  const { setName, msg } = (await db.command({ hello: 1 })) as { setName?: string; msg?: string };
  return setName !== undefined || msg === 'isdbgrid';
}

/** Rows and note as one transaction. */
async function atOnce(writing: Writing, key: readonly string[]): Promise<void> {
  const { client, context, table, db, name, writes } = writing;
  const session = client.startSession();
  try {
    session.startTransaction({ writeConcern: { w: 'majority' } });
    const into = db.collection(name);
    const put = { context, table, into, session };
    await (key.length > 0 ? upsertRows(put, key) : insertRows(put));
    await writes.note(session);
    // A worker that lost its claim meanwhile must not write beside the winner.
    context.signal.throwIfAborted();
    await session.commitTransaction();
  } finally {
    // What has not been committed is taken back.
    await session.endSession().catch(() => undefined);
  }
}

/** Rows that an attempt before this one has written are the same ones. */
async function oneByOne(writing: Writing, key: readonly string[]): Promise<void> {
  const { context, table, db, name, writes } = writing;
  const into = db.collection(name);
  const put = { context, table, into };
  try {
    await (key.length > 0 ? upsertRows(put, key) : insertRows(put));
    await writes.note();
  } catch (error) {
    // Whoever was told to stop may have a successor, whose rows these are.
    if (key.length === 0 && !context.signal.aborted) {
      await into.deleteMany(new RowIds(context.task.id).all).catch(() => undefined);
    }
    throw error;
  }
}

/** Fills another collection, which then takes the name: readers see the old documents or the new. */
async function replace(writing: Writing, drop: boolean): Promise<void> {
  const { context, table, db, name, found, writes } = writing;
  const prefix = `tauro_new_${createHash('sha256').update(context.task.id).digest('hex').slice(0, 16)}_`;
  const filled = prefix + context.task.claim_id.slice(0, 8);
  // What attempts before this one have left; they are dead, or too late.
  const stale = await db.listCollections({ name: new RegExp(`^${prefix}`) }, { nameOnly: true }).toArray();
  for (const one of stale) await db.collection(one.name).drop();
  try {
    const into = await db.createCollection(filled, found?.options);
    const indexes = found
      ? (await db.collection(name).indexes()).filter((index) => index.name !== '_id_')
      : [];
    if (indexes.length > 0) {
      await into.createIndexes(indexes.map(({ v: _v, ns: _ns, ...index }) => index as never));
    }
    await insertRows({ context, table, into });
    await writes.noteFilled(filled);
    context.signal.throwIfAborted();
    await into.rename(name, { dropTarget: drop });
  } catch (error) {
    await db
      .collection(filled)
      .drop()
      .catch(() => undefined);
    const isThere = error instanceof MongoServerError && error.code === NAMESPACE_EXISTS;
    throw isThere ? targetExists(`collection ${name}`) : error;
  }
  await writes.note();
}
