import { conflict, newId } from '@tauro/domain';
import { type Collections, DUPLICATE_KEY, insertNamed } from '@tauro/orchestration';
import { confined } from '../auth/access.guard.js';
import { currentPrincipal, currentScope } from '../auth/principal.js';
import { type NamedDto } from './named.dto.js';

/**
 * The fields that every new thing of a name begins with.
 * @throws DomainError FORBIDDEN when it is for all projects, and who asks is confined to one.
 */
export function newNamed(
  prefix: 'sec' | 'var' | 'conn',
  { name, project_id = null, description }: NamedDto,
  request_id: string,
) {
  if (project_id === null && currentScope()) throw confined();
  const now = new Date();
  const by = currentPrincipal().id;
  return {
    _id: newId(prefix, now.getTime()),
    project_id,
    name,
    description: description ?? '',
    created_by: by,
    updated_by: by,
    created_at: now,
    updated_at: now,
    revision: 1,
    request_id,
  };
}

/**
 * @param what it is, in a word.
 * @throws DomainError NOT_FOUND for the project, CONFLICT when the name is taken there.
 */
export async function storeNamed<T extends { _id: string; name: string; project_id: string | null }>(
  what: string,
  db: Collections,
  collection: Parameters<typeof insertNamed<T>>[1],
  one: T,
): Promise<void> {
  try {
    await insertNamed(db, collection, one);
  } catch (error) {
    if ((error as { code?: unknown }).code !== DUPLICATE_KEY) throw error;
    const where = one.project_id ? 'in the project' : 'for all projects';
    throw conflict(`there is a ${what} '${one.name}' ${where} already`, [
      { field: 'name', message: 'is taken', type: 'conflict' },
    ]);
  }
}
