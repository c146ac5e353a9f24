import { mongo } from 'mongoose';

/** Indexes by collection; one with `options` such as `unique` besides its keys. */
export type IndexTable = Record<string, mongo.IndexDescription[]>;

/** What MongoDB says when there is nothing to drop: the collection is not there, or the index is not. */
const NOTHING_THERE = [26, 27];

/** Makes what is not there yet, and its collections. @throws when one of this name is there with other options. */
export async function createIndexes(db: mongo.Db, table: IndexTable): Promise<void> {
  await Promise.all(
    Object.entries(table).map(([collection, indexes]) => db.collection(collection).createIndexes(indexes)),
  );
}

/** Drops what is there. */
export async function dropIndexes(db: mongo.Db, table: IndexTable): Promise<void> {
  for (const [collection, indexes] of Object.entries(table)) {
    for (const { key, name } of indexes) await dropIndex(db.collection(collection), name ?? nameOf(key));
  }
}

async function dropIndex(collection: mongo.Collection, name: string): Promise<void> {
  try {
    await collection.dropIndex(name);
  } catch (error) {
    if (!(error instanceof mongo.MongoServerError) || !NOTHING_THERE.includes(Number(error.code)))
      throw error;
  }
}

/** The name that the server gives an index by itself. */
const nameOf = (key: mongo.IndexDescription['key']): string =>
  Object.entries(key instanceof Map ? Object.fromEntries(key) : key)
    .map((part) => part.join('_'))
    .join('_');
