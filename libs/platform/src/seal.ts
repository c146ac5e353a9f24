import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

import { type Env, SECRET_KEY_PLACEHOLDER } from './env/env.js';

/*
 * Secrets that have to be used again, and so cannot be hashed, are stored sealed: AES-256-GCM under a key that HKDF
 * derives from SECRET_KEY, one per purpose. A sealed text is `v1.<key id>.<nonce>.<ciphertext and tag>`.
 */

const FORMAT = 'v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What cannot be opened: another SECRET_KEY sealed it, or it was changed. */
export class CannotUnseal extends Error {
  constructor(why: string) {
    super(`the secret cannot be read: ${why}`);
    this.name = 'CannotUnseal';
  }
}

/** What seals, and what did before. */
type Keys = Pick<Env, 'SECRET_KEY'> & Partial<Pick<Env, 'SECRET_KEY_PREVIOUS'>>;

/** Whether a secret may be stored: under the published placeholder anybody could open it. */
export const canSeal = ({ SECRET_KEY }: Pick<Env, 'SECRET_KEY'>): boolean =>
  SECRET_KEY !== SECRET_KEY_PLACEHOLDER;

/**
 * Seals a text for storing. @param purpose what it is for, such as `webhook`; it opens for nothing else.
 * @throws Error while SECRET_KEY is the placeholder; ask `canSeal` first.
 */
export function seal(env: Pick<Env, 'SECRET_KEY'>, purpose: string, text: string): string {
  if (!canSeal(env)) throw new Error('SECRET_KEY is the published placeholder, which protects nothing');
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(env, purpose), nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return [FORMAT, keyId(env), nonce.toString('base64url'), sealed.toString('base64url')].join('.');
}

/** Whether a sealed text was sealed by the SECRET_KEY of now; if not, it is to be sealed again. */
export const isSealedByCurrent = (env: Pick<Env, 'SECRET_KEY'>, text: string): boolean =>
  text.split('.')[1] === keyId(env);

/** Opens what SECRET_KEY has sealed, or SECRET_KEY_PREVIOUS. @throws CannotUnseal */
export function unseal(env: Keys, purpose: string, text: string): string {
  const [format, key, nonce, sealed, ...rest] = text.split('.');
  if (format !== FORMAT || !key || !nonce || !sealed || rest.length > 0)
    throw new CannotUnseal('it is not a sealed text');
  const by = [env.SECRET_KEY, env.SECRET_KEY_PREVIOUS]
    .flatMap((one) => (one === undefined ? [] : [{ SECRET_KEY: one }]))
    .find((one) => keyId(one) === key);
  if (!by) throw new CannotUnseal('another SECRET_KEY sealed it; set the secret again');
  const bytes = Buffer.from(sealed, 'base64url');
  try {
    const decipher = createDecipheriv(
      'aes-256-gcm',
      keyOf(by, purpose),
      Buffer.from(nonce, 'base64url'),
    ).setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    throw new CannotUnseal('it was changed, or sealed for something else');
  }
}

const derive = ({ SECRET_KEY }: Pick<Env, 'SECRET_KEY'>, info: string, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', SECRET_KEY, '', `tauro/${info}`, bytes));

const keyOf = (env: Pick<Env, 'SECRET_KEY'>, purpose: string): Buffer => derive(env, `seal/${purpose}`, 32);

/** A key of 32 bytes for another purpose than sealing, such as signing tokens. */
export const derivedKey = (env: Pick<Env, 'SECRET_KEY'>, purpose: string): Buffer => derive(env, purpose, 32);

/** Tells keys apart and gives nothing of them away. */
export const keyId = (env: Pick<Env, 'SECRET_KEY'>): string => derive(env, 'key-id', 4).toString('hex');
