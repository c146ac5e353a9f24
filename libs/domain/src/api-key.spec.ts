import { randomBytes } from 'node:crypto';
import {
  hashOfSecret,
  isCurrentSecret,
  keyFault,
  keyIdOfSecret,
  newKeySecret,
  rotated,
  sameHash,
  type StoredSecret,
} from './api-key.js';

const NOW = new Date('2025-11-18T10:00:00Z');
const later = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);

describe('the secret of a key', () => {
  it('names its key, shows its beginning, and is another one each time', () => {
    const made = Array.from({ length: 50 }, () => newKeySecret('key_01JD0Z5K3V7M8N9P0Q1R2S3T4V'));
    expect(new Set(made.map(({ secret }) => secret)).size).toBe(50);
    for (const { secret, prefix } of made) {
      expect(keyIdOfSecret(secret)).toBe('key_01JD0Z5K3V7M8N9P0Q1R2S3T4V');
      expect(prefix).toMatch(/^tauro_01JD0Z5K3V7M8N9P0Q1R2S3T4V_[\w-]{4}$/);
      expect(secret.startsWith(prefix)).toBe(true);
      expect(secret.length - prefix.length).toBe(39);
    }
  });

  it.each(['', 'tauro_', 'tauro_01JD_short', `tauro__${'x'.repeat(43)}`, `x_01JD_${'x'.repeat(43)}`])(
    'is not %j',
    (text) => {
      expect(keyIdOfSecret(text)).toBeUndefined();
    },
  );

  it('has another hash under another key', () => {
    const { secret } = newKeySecret('key_1');
    const [key, other] = [randomBytes(32), randomBytes(32)];
    expect(sameHash(hashOfSecret(key, secret), hashOfSecret(key, secret))).toBe(true);
    expect(sameHash(hashOfSecret(key, secret), hashOfSecret(other, secret))).toBe(false);
    expect(sameHash(hashOfSecret(key, secret), 'short')).toBe(false);
    expect(hashOfSecret(key, secret)).not.toContain(secret);
  });
});

describe('a rotation', () => {
  const before: StoredSecret[] = [
    { hash: 'second', until: null },
    { hash: 'first', until: later(600) },
  ];

  it('lets the secret before count for the overlap, and no longer', () => {
    const after = rotated(before, 'third', 60, NOW);
    expect(isCurrentSecret(after, 'third', later(1e9))).toBe(true);
    expect(isCurrentSecret(after, 'second', later(59))).toBe(true);
    expect(isCurrentSecret(after, 'second', later(60))).toBe(false);
  });

  it('ends it at once without an overlap, and ends what an earlier overlap left', () => {
    expect(rotated(before, 'third', 0, NOW)).toEqual([{ hash: 'third', until: null }]);
    expect(isCurrentSecret(rotated(before, 'third', 60, NOW), 'first', NOW)).toBe(false);
  });
});

describe('a key', () => {
  it.each([
    [{ expires_at: null, revoked_at: null }, undefined],
    [{ expires_at: later(1), revoked_at: null }, undefined],
    [{ expires_at: NOW, revoked_at: null }, 'expired'],
    [{ expires_at: later(1), revoked_at: later(-1) }, 'revoked'],
  ])('%j is %s', (key, fault) => {
    expect(keyFault(key, NOW)).toBe(fault);
  });
});
