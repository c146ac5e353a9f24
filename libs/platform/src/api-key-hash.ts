import { hashOfSecret } from '@tauro/domain';

import { type Env } from './env/env.js';
import { derivedKey, keyId } from './seal.js';

/**
 * Makes of the secret of an API key what is stored of it: the id of the key it was hashed under, and the hash. Under
 * another SECRET_KEY no secret has the hash it had, so that all keys end.
 */
export function apiKeyHash(env: Pick<Env, 'SECRET_KEY'>): (secret: string) => string {
  const key = derivedKey(env, 'api-keys');
  const id = keyId(env);
  return (secret) => `${id}.${hashOfSecret(key, secret)}`;
}
