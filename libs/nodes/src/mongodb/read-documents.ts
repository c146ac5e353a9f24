import { type AbstractCursor, BSON, type Db, type Document } from 'mongodb';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { countOf } from '../tables/sql-text.js';
import { tableOfTold } from '../tables/told-rows.js';
import { type Told } from '../tables/told-value.js';
import { withDatabase } from './client.js';
import { collectionDataset } from './dataset.js';
import { operatorFaults, withValues } from './question.js';
import { tell } from './values.js';

/** Documents that the server sends at once. */
const BATCH = 1000;

/** Makes this attempt's table of the documents that are asked for. */
export async function readDocuments(context: NodeContext): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const collection = String(config['collection']);
  const { egressAllowPrivate } = settings;
  return withDatabase(connection!, { egressAllowPrivate, signal }, async (db) => {
    await assertThere(db, collection, connection!.name);
    const declared = config['columns'] as Record<string, string> | undefined;
    const rows = rowsOf(cursorOf(db, context));
    const made = await tableOfTold(context, { rows, what: 'documents' }, declared);
    context.log('INFO', `read ${countOf(made.rows, 'document')} of ${collection} from ${connection!.name}`);
    const use = { access: 'read' as const, ...collectionDataset(connection!, collection) };
    return { ...made, datasets: [{ ...use, columns: made.table.columns, rows: made.rows }] };
  });
}

async function* rowsOf(cursor: AbstractCursor<Document>): AsyncGenerator<[string, Told][]> {
  try {
    for await (const document of cursor) {
      yield Object.entries(document).map(([key, value]) => [key, tell(value)]);
    }
  } finally {
    await cursor.close().catch(() => undefined);
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
    if (config[key] === undefined) return undefined;
    const [fault] = operatorFaults(config[key], key);
    if (fault) throw new NodeError('InvalidConfig', `${fault.field}: ${fault.message}`, false);
    try {
      return BSON.EJSON.deserialize(withValues(config[key], key) as Document) as Document;
    } catch (error) {
      throw new NodeError('InvalidConfig', (error as Error).message, false);
    }
  };
  const seconds = connection!.config['statement_timeout_seconds'];
  const options = {
    batchSize: BATCH,
    allowDiskUse: true,
    // Every value as what it is, not as what JavaScript has for it.
    promoteValues: false,
    promoteLongs: false,
    bsonRegExp: true,
    ...(seconds !== undefined && { maxTimeMS: Number(seconds) * 1000 }),
  };
  const collection = db.collection(String(config['collection']));
  const stages = part('pipeline') as Document[] | undefined;
  if (stages) return collection.aggregate(stages, options);
  const [projection, sort] = [part('projection'), config['sort'] as Record<string, 1 | -1> | undefined];
  return collection.find(part('filter') ?? {}, {
    ...options,
    ...(projection && { projection }),
    ...(sort && { sort }),
    ...(config['limit'] !== undefined && { limit: Number(config['limit']) }),
  });
}
