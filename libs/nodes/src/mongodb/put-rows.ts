import {
  type AnyBulkWriteOperation,
  type ClientSession,
  type Collection,
  type Document,
  MongoBulkWriteError,
} from 'mongodb';
import { type NodeContext } from '../node-kind.js';
import { type TableInput } from '../tables/table-output.js';
import { eachBatch } from './documents.js';
import { RowIds } from './row-ids.js';

interface Put {
  context: NodeContext;
  table: TableInput;
  into: Collection;
  session?: ClientSession;
}

const DUPLICATE_KEY = 11_000;

/** Adds the rows, with ids of their own that are the same in every attempt: those that are there already stay. */
export function insertRows({ context, table, into, session }: Put): Promise<void> {
  const ids = new RowIds(context.task.id);
  const hasIds = table.columns.some(({ name }) => name === '_id');
  return eachBatch(context, table, async (documents, first) => {
    const rows = hasIds ? documents : documents.map((one, i) => ({ _id: ids.of(first + i), ...one }));
    try {
      await into.insertMany(rows, { ordered: session !== undefined, ...(session && { session }) });
    } catch (error) {
      if (hasIds || session || !areRepeated(error)) throw error;
    }
  });
}

/** Whether all that failed is there already, written by an attempt before this one. */
const areRepeated = (error: unknown): boolean =>
  error instanceof MongoBulkWriteError &&
  [error.writeErrors]
    .flat()
    .every(({ code, errmsg }) => code === DUPLICATE_KEY && / index: _id_ /.test(errmsg ?? ''));

/** Replaces in the documents of the same key what the rows have, and adds the others, one after the other. */
export function upsertRows({ context, table, into, session }: Put, key: readonly string[]): Promise<void> {
  return eachBatch(context, table, async (documents) => {
    await into.bulkWrite(
      documents.map((document) => upsertOf(document, key)),
      { ordered: true, ...(session && { session }) },
    );
  });
}

function upsertOf(document: Document, key: readonly string[]): AnyBulkWriteOperation {
  const { _id, ...rest } = document;
  // A value that is an object must not be taken for an operator.
  const filter = Object.fromEntries(key.map((name) => [name, { $eq: document[name] as unknown }]));
  const update = {
    ...(Object.keys(rest).length > 0 && { $set: rest }),
    // The id of a document never changes.
    ...((_id !== undefined && !key.includes('_id')) || Object.keys(rest).length === 0
      ? { $setOnInsert: key.includes('_id') ? {} : { _id: _id as never } }
      : {}),
  };
  return { updateOne: { filter, update, upsert: true } };
}
