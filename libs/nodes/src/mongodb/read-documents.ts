import { type AbstractCursor, BSON, type Db, type Document } from 'mongodb';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { countOf } from '../tables/sql-text.js';
import { ToldColumns } from '../tables/told-columns.js';
import { tableOfTold } from '../tables/told-rows.js';
import { type Told } from '../tables/told-value.js';
import { withDatabase } from './client.js';
import { collectionDataset } from './dataset.js';
import { newDocuments } from './new-documents.js';
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
    const question = questionOf(context);
    const { rows, columns, last } = await ask(db, context, question);
    const made = await tableOfTold(context, { rows, columns, what: 'documents' }, declared);
    context.log('INFO', `read ${countOf(made.rows, 'document')} of ${collection} from ${connection!.name}`);
    const use = { access: 'read' as const, ...collectionDataset(connection!, collection) };
    const mark = made.rows > 0 ? last : undefined;
    return {
      ...made,
      datasets: [{ ...use, columns: made.table.columns, rows: made.rows }],
      ...(mark !== undefined && { mark }),
    };
  });
}

/** All documents that are asked for, or the new ones of them. */
async function ask(
  db: Db,
  context: NodeContext,
  question: Question,
): Promise<{ rows: AsyncGenerator<[string, Told][]>; columns: ToldColumns; last?: string }> {
  const columns = new ToldColumns();
  if (context.config['incremental'] === undefined) {
    return { rows: rowsOf(cursorOf(db, context, question)), columns };
  }
  const one = async (more: Partial<Question>): Promise<Document | null> => {
    const cursor = cursorOf(db, context, { ...question, ...more, limit: 1 });
    try {
      return await cursor.next();
    } finally {
      await cursor.close().catch(() => undefined);
    }
  };
  const { range, last, sample } = await newDocuments(context, (condition, sort) =>
    one({ condition, sort, projection: undefined }),
  );
  // When nothing is new the columns are those of the newest document there is.
  const shown =
    sample && question.projection ? await one({ condition: { _id: sample['_id'] as unknown } }) : sample;
  for (const [key, value] of Object.entries(shown ?? {})) columns.see(key, tell(value));
  const rows = rowsOf(cursorOf(db, context, { ...question, condition: range }));
  return { rows, columns, ...(last !== undefined && { last }) };
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

/** What is asked of a collection. */
interface Question {
  stages?: Document[];
  filter: Document;
  /** What holds for the documents besides: of those that come out of the stages when there are any. */
  condition?: Document;
  projection?: Document;
  sort?: Record<string, 1 | -1>;
  limit?: number;
}

/** The words of the config. @throws NodeError */
function questionOf({ config }: NodeContext): Question {
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
  const stages = part('pipeline') as Document[] | undefined;
  const [projection, sort] = [part('projection'), config['sort'] as Record<string, 1 | -1> | undefined];
  return {
    filter: part('filter') ?? {},
    ...(stages && { stages }),
    ...(projection && { projection }),
    ...(sort && { sort }),
    ...(config['limit'] !== undefined && { limit: Number(config['limit']) }),
  };
}

function cursorOf(
  db: Db,
  { config, connection }: NodeContext,
  { stages, filter, condition, projection, sort, limit }: Question,
): AbstractCursor<Document> {
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
  if (stages) {
    const more = [
      ...(condition ? [{ $match: condition }] : []),
      ...(sort ? [{ $sort: sort }] : []),
      ...(limit === undefined ? [] : [{ $limit: limit }]),
    ];
    return collection.aggregate([...stages, ...more], options);
  }
  return collection.find(condition ? { $and: [filter, condition] } : filter, {
    ...options,
    ...(projection && { projection }),
    ...(sort && { sort }),
    ...(limit !== undefined && { limit }),
  });
}
