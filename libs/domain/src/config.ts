import { type ErrorDetail } from './errors.js';
import { type Json, type JsonObject } from './pipeline.js';
import { secretsIn } from './secrets.js';

/** Where a config is for, in the order in which it is promoted. */
export const ENVIRONMENTS = ['dev', 'staging', 'prod'] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

/** Changes of it need the right to promote, and promotions to it an approval. */
export const PROTECTED: Environment = 'prod';

/** The environment that follows; undefined after the last. */
export const nextEnvironment = (environment: Environment): Environment | undefined =>
  ENVIRONMENTS[ENVIRONMENTS.indexOf(environment) + 1];

/** What became of a promotion. */
export const PROMOTION_STATES = ['PENDING', 'PROMOTED', 'REJECTED'] as const;
export type PromotionState = (typeof PROMOTION_STATES)[number];

/** What made a version. */
export const CONFIG_CHANGES = ['CREATED', 'UPDATED', 'PROMOTED', 'ROLLED_BACK'] as const;
export type ConfigChange = (typeof CONFIG_CHANGES)[number];

const MAX_BYTES = 256 * 1024;
/** The last word of a key in snake_case: `db_password`, `apiKey`, but not `token_url` or `secret_name`. */
const SECRET_KEY =
  /(^|_)(password|passwd|pwd|passphrase|secret|token|credential|api_?key|access_?key|private_?key|secret_?key|signing_?key)s?$/;
const PASSWORD = /(^|_)(password|passwd|pwd|passphrase)$/;
/** Values that are secrets whatever they are called. */
const SECRET_VALUES: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----/, 'a private key'],
  [/\bAKIA[0-9A-Z]{16}\b/, 'an access key'],
  [/\b(ghp|gho|ghs|github_pat|glpat|xox[abp])[_-][A-Za-z0-9_-]{16,}/, 'an access token'],
  [/\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+/, 'a signed token'],
  [/\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@]{0,200}:[^\s/@{]{1,200}@/i, 'an address with a password'],
];

/** What is wrong with the data of a config: too large, keys that no template can name, and secrets in the clear. */
export function configFaults(data: JsonObject, at = 'data'): ErrorDetail[] {
  const bytes = Buffer.byteLength(JSON.stringify(data));
  if (bytes > MAX_BYTES) {
    const message = `is ${bytes} bytes as JSON, at most ${MAX_BYTES} are allowed`;
    return [{ field: at, message, type: 'too_long' }];
  }
  return [...faultsIn(data, at, '')];
}

function* faultsIn(value: Json, field: string, key: string): Generator<ErrorDetail> {
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) yield* faultsIn(item, `${field}.${i}`, key);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      const place = `${field}.${name}`;
      if (name === '' || name.startsWith('$') || name.includes('.') || name.includes('\0')) {
        const message = 'a key must not be empty, begin with $ or contain a dot';
        yield { field: place.slice(0, 200), message, type: 'value_error' };
      } else yield* faultsIn(item, place, name);
    }
  } else {
    const what = secretIn(value, key);
    if (!what) return;
    const message = `looks like ${what} in the clear; store it as a secret, and write "{{ secrets.<name> }}" here`;
    yield { field: field.slice(0, 200), message, type: 'plain_secret' };
  }
}

/** What sort of secret a value seems to be; undefined when it is none, or a reference to one. */
function secretIn(value: string | number | boolean | null, key: string): string | undefined {
  const name = key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[- ]/g, '_')
    .toLowerCase();
  if (typeof value === 'number') return PASSWORD.test(name) ? 'a password' : undefined;
  if (typeof value !== 'string' || value === '' || secretsIn(value).length > 0) return undefined;
  if (SECRET_KEY.test(name)) return 'a secret';
  return SECRET_VALUES.find(([pattern]) => pattern.test(value))?.[1];
}
