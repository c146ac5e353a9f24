import { type ErrorDetail } from './errors.js';
import { type Json } from './pipeline.js';

/** Fewer characters are no secret, and taking them out of logs would take much else out. */
export const MIN_SECRET_CHARS = 4;
export const MAX_SECRET_BYTES = 32_768;

/** What a secret's value is sealed for: of this secret alone, so that no other one can be made to hold it. */
export const secretPurpose = (id: string): string => `secret/${id}`;

/** What the secrets of a connection are sealed for. */
export const connectionPurpose = (id: string): string => `connection/${id}`;

/** What the secrets are sealed for that webhooks are signed with. */
export const WEBHOOK_PURPOSE = 'webhook';

/** What the secrets are sealed for that calls of triggers are signed with. */
export const HOOK_PURPOSE = 'hook';

/** What is shown in the place of a secret. */
export const HIDDEN_SECRET = '***';

/** What is wrong with a value; undefined when nothing is. It never says what the value is. */
export function secretValueFault(value: string, field: string): ErrorDetail | undefined {
  if (value.trim().length < MIN_SECRET_CHARS) {
    const message = `must have at least ${MIN_SECRET_CHARS} characters, not counting space around them`;
    return { field, message, type: 'too_short' };
  }
  if (Buffer.byteLength(value) <= MAX_SECRET_BYTES) return undefined;
  return { field, message: `must have at most ${MAX_SECRET_BYTES} bytes`, type: 'too_long' };
}

const REFERENCE = /\{\{\s*secrets\.([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}/g;

/** The names of secrets that a value of a config refers to, at any depth, each once. */
export function secretsIn(value: unknown): string[] {
  const texts = (JSON.stringify(value) ?? '').matchAll(REFERENCE);
  return [...new Set([...texts].map(([, name]) => name!))];
}

/** A copy of a config's value with secrets in the place of references to them; a name that is unknown stays as it is. */
export function withSecrets(value: Json, secrets: Readonly<Record<string, string>>): Json {
  if (typeof value === 'string') {
    return value.replace(REFERENCE, (reference, name: string) =>
      Object.hasOwn(secrets, name) ? secrets[name]! : reference,
    );
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => withSecrets(item, secrets));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withSecrets(item, secrets)]));
}
