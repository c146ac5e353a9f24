import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/*
 * Some answers have what is never stored in the clear, such as a new API key. So an answer is kept under a key that is
 * derived from the client's own `Idempotency-Key`, of which only a digest is stored, and from SECRET_KEY.
 */
const keyOf = (secret: string, idempotencyKey: string): Buffer =>
  Buffer.from(hkdfSync('sha256', idempotencyKey, secret, 'tauro/idempotency', 32));

/** @param secret SECRET_KEY. */
export async function sealAnswer(secret: string, idempotencyKey: string, body: unknown): Promise<Buffer> {
  const text = await promisify(gzip)(JSON.stringify(body));
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret, idempotencyKey), nonce);
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

/** @returns undefined when it was sealed under another SECRET_KEY. */
export async function openAnswer(secret: string, idempotencyKey: string, sealed: Buffer): Promise<unknown> {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', keyOf(secret, idempotencyKey), nonce);
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  let text: Buffer;
  try {
    text = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
  return JSON.parse((await promisify(gunzip)(text)).toString('utf8'));
}
