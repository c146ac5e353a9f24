import { SECRET_KEY_PLACEHOLDER } from './env/env.js';
import { canSeal, CannotUnseal, isSealedByCurrent, seal, unseal } from './seal.js';

const env = { SECRET_KEY: 'a key of this test' };

describe('a sealed secret', () => {
  it('opens again, whatever it holds', () => {
    for (const secret of ['s', 'ünïcode ✓', '.'.repeat(500)]) {
      expect(unseal(env, 'webhook', seal(env, 'webhook', secret))).toBe(secret);
    }
  });

  it('shows nothing of the secret, and never looks the same twice', () => {
    const [one, other] = [seal(env, 'webhook', 'visible'), seal(env, 'webhook', 'visible')];
    expect(one).not.toBe(other);
    expect(Buffer.from(one.split('.')[3]!, 'base64url').toString('latin1')).not.toContain('visible');
  });

  it('opens for no other key, and says that it is the key', () => {
    const sealed = seal({ SECRET_KEY: 'another' }, 'webhook', 'x');
    expect(() => unseal(env, 'webhook', sealed)).toThrow('another SECRET_KEY');
  });

  it('opens for the key that was before it, when that is given', () => {
    const sealed = seal({ SECRET_KEY: 'before' }, 'webhook', 'x');
    const keys = { SECRET_KEY: 'after', SECRET_KEY_PREVIOUS: 'before' };
    expect(unseal(keys, 'webhook', sealed)).toBe('x');
    expect(isSealedByCurrent(keys, sealed)).toBe(false);
    const anew = seal(keys, 'webhook', 'x');
    expect([isSealedByCurrent(keys, anew), unseal({ SECRET_KEY: 'after' }, 'webhook', anew)]).toEqual([
      true,
      'x',
    ]);
  });

  it('opens for no other purpose, nor after a change', () => {
    const sealed = seal(env, 'webhook', 'secret');
    expect(() => unseal(env, 'connection', sealed)).toThrow(CannotUnseal);
    const parts = sealed.split('.');
    const bytes = Buffer.from(parts[3]!, 'base64url');
    bytes[0]! ^= 1;
    expect(() =>
      unseal(env, 'webhook', [...parts.slice(0, 3), bytes.toString('base64url')].join('.')),
    ).toThrow(CannotUnseal);
    for (const broken of ['', 'v1', 'v2.a.b.c', 'v1.a.b.c.d', `${parts.slice(0, 3).join('.')}.AA`]) {
      expect(() => unseal(env, 'webhook', broken)).toThrow(CannotUnseal);
    }
  });

  it('is not made under the published placeholder', () => {
    const open = { SECRET_KEY: SECRET_KEY_PLACEHOLDER };
    expect([canSeal(env), canSeal(open)]).toEqual([true, false]);
    expect(() => seal(open, 'webhook', 'x')).toThrow('placeholder');
  });
});
