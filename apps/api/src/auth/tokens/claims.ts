import { isId } from '@tauro/domain';
import { type JWTPayload } from 'jose';

/** What a token of an identity provider says of its holder. */
export interface ClaimedGrant {
  id: string;
  name: string;
  roles: string[];
  permissions: string[];
  project_ids: string[] | null;
}

/**
 * Reads `sub`, a name (`user`, `email`, `preferred_username` or `name`), `roles`, `permissions` and `project_ids`. A
 * token that confines its holder in a way nobody understands must not set them free, so it is undefined.
 */
export function grantOf(payload: JWTPayload): ClaimedGrant | undefined {
  const { sub, roles = [], permissions = [], project_ids = null } = payload;
  if (typeof sub !== 'string' || sub === '' || !areNames(roles) || !areNames(permissions)) return undefined;
  if (project_ids !== null && !(areNames(project_ids) && project_ids.every((id) => isId('proj', id)))) {
    return undefined;
  }
  const named = [payload.user, payload.email, payload.preferred_username, payload.name];
  const name = named.find((one): one is string => typeof one === 'string' && one !== '') ?? sub;
  return { id: sub, name, roles, permissions, project_ids };
}

const MOST_NAMES = 1000;
const areNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length <= MOST_NAMES && value.every((one) => typeof one === 'string');
