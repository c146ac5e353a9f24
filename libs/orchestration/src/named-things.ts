import { type mongo } from 'mongoose';
import { type Collections } from './collections.js';
import { holdProject } from './hold-project.js';

/** What a project has by a name, or all projects have: a secret, a variable, a connection. */
interface Named {
  _id: string;
  name: string;
  /** Null for all projects. */
  project_id: string | null;
}

/** Those of these names that a project may use, by name: its own go before those for all. @param project_id null for the latter alone */
export async function namedFor<T extends Named>(
  collection: mongo.Collection<T>,
  project_id: string | null,
  names: string[],
): Promise<Map<string, T>> {
  if (names.length === 0) return new Map();
  const filter = { name: { $in: names }, project_id: { $in: [project_id, null] } } as mongo.Filter<T>;
  const found = (await collection.find(filter).toArray()) as T[];
  const ownLast = found.sort((a, b) => Number(a.project_id !== null) - Number(b.project_id !== null));
  return new Map(ownLast.map((one) => [one.name, one]));
}

/** Stores a new one, while its project stays. @throws DomainError NOT_FOUND when that is gone; what the store says of a name that is taken */
export async function insertNamed<T extends Named>(
  db: Collections,
  collection: mongo.Collection<T>,
  one: T,
): Promise<void> {
  const { project_id } = one;
  const document = one as mongo.OptionalUnlessRequiredId<T>;
  if (project_id === null) return void (await collection.insertOne(document));
  await db.transaction(async (session) => {
    await holdProject(db, project_id, session);
    await collection.insertOne(document, { session });
  });
}
