import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** The id of the key that BOOTSTRAP_API_KEY is: it is nowhere stored. */
export const BOOTSTRAP_KEY_ID = 'key_bootstrap';

/** Random bytes of a secret. */
const SECRET_BYTES = 32;
/** How much of a secret is shown, to tell it from the key's others; it leaves more than 200 bits unknown. */
const SHOWN_CHARACTERS = 4;
const SECRET = /^tauro_([A-Za-z0-9]{1,64})_[\w-]{43}$/;

/** A new secret of the key with this id, such as `tauro_01JD…_Zk3…`, and the beginning of it that may be shown. */
export function newKeySecret(keyId: string): { secret: string; prefix: string } {
  const public_part = `tauro_${keyId.slice(keyId.indexOf('_') + 1)}_`;
  const secret = public_part + randomBytes(SECRET_BYTES).toString('base64url');
  return { secret, prefix: secret.slice(0, public_part.length + SHOWN_CHARACTERS) };
}

/** The id of the key that a text claims to be a secret of; undefined when it looks like none. */
export function keyIdOfSecret(secret: string): string | undefined {
  const unique = SECRET.exec(secret)?.[1];
  return unique && `key_${unique}`;
}

/**
 * What is stored of a secret. A slow hash would protect what people choose; this has 256 random bits, which nobody can
 * guess however fast, and every request has to pay for it. The key makes a stolen database useless for recognising
 * secrets, and a planted hash useless without the server's SECRET_KEY.
 * @param key derived from SECRET_KEY
 */
export const hashOfSecret = (key: Buffer, secret: string): string =>
  createHmac('sha256', key).update(secret).digest('base64url');

/** Whether two hashes are the same, in a time that does not tell where they differ. */
export function sameHash(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** One of the secrets of a key as it is stored; during a rotation there are two. */
export interface StoredSecret {
  hash: string;
  /** When it ends, which is known once it has been replaced. */
  until: Date | null;
}

/** Whether the hash is that of a secret which is still good. All are compared, so that the time does not tell which. */
export const isCurrentSecret = (secrets: readonly StoredSecret[], hash: string, now: Date): boolean =>
  secrets.filter(({ hash: known, until }) => sameHash(known, hash) && (until === null || until > now))
    .length > 0;

/** The secrets after a rotation: the new one, and with an overlap the one it replaces; what that replaced ends. */
export function rotated(
  secrets: readonly StoredSecret[],
  hash: string,
  overlapSeconds: number,
  now: Date,
): StoredSecret[] {
  const until = new Date(now.getTime() + overlapSeconds * 1000);
  const replaced = secrets.find((secret) => secret.until === null);
  return [{ hash, until: null }, ...(replaced && overlapSeconds > 0 ? [{ hash: replaced.hash, until }] : [])];
}

/** Why a key does not count at the moment; undefined when it does. */
export function keyFault(
  { expires_at, revoked_at }: { expires_at: Date | null; revoked_at: Date | null },
  now: Date,
): 'expired' | 'revoked' | undefined {
  if (revoked_at) return 'revoked';
  return expires_at && expires_at <= now ? 'expired' : undefined;
}
