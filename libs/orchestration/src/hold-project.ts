import { notFound } from '@tauro/domain';
import { type mongo } from 'mongoose';
import { type Collections } from './collections.js';

/**
 * Keeps a project for what a transaction stores in it: whoever deletes the project does so before, and is seen here, or
 * conflicts with the transaction, and comes after it.
 * @throws DomainError NOT_FOUND when it is gone.
 */
export async function holdProject(
  db: Collections,
  project_id: string,
  session: mongo.ClientSession,
): Promise<void> {
  const touched = { $set: { 'engine.batch_at': new Date() } };
  const { matchedCount } = await db.projects.updateOne({ _id: project_id }, touched, { session });
  if (matchedCount === 0) throw notFound('project', project_id);
}
