import { currentScope } from '../principal.js';

/** A model, as far as it matters here. */
interface Stored {
  collection: { name: string };
  schema: { paths: object };
}

/** What a caller who is confined to projects may see of a collection: what is theirs, and what belongs to no project. */
export function narrowed(model: Stored): Record<string, unknown> {
  const scope = currentScope();
  if (!scope) return {};
  if (model.collection.name === 'projects') return { _id: { $in: scope } };
  return 'project_id' in model.schema.paths ? { project_id: { $in: [...scope, null] } } : {};
}
