import { newId, newKeySecret } from '@tauro/domain';
import { type ApiKey } from './schemas/api-key.schema.js';

/** What a key may do, and for how long. */
export type Grant = Pick<ApiKey, 'name' | 'roles' | 'permissions' | 'project_ids' | 'expires_at'>;

/**
 * A key that is to be stored, and its secret, which is nowhere else.
 * @param hash `apiKeyHash` of the deployment
 */
export function newApiKey(
  grant: Grant,
  origin: Pick<ApiKey, 'created_by' | 'request_id'>,
  hash: (secret: string) => string,
  now = new Date(),
): { key: ApiKey; secret: string } {
  const _id = newId('key', now.getTime());
  const { secret, prefix } = newKeySecret(_id);
  const key: ApiKey = {
    _id,
    prefix,
    ...grant,
    last_used_at: null,
    rotated_at: null,
    revoked_at: null,
    ...origin,
    created_at: now,
    updated_at: now,
    revision: 1,
    engine: { secrets: [{ hash: hash(secret), until: null }] },
  };
  return { key, secret };
}
