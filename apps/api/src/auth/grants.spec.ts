import { type Permission } from '@tauro/domain';
import { assertMayGrant } from './grants.js';
import { ANYBODY, type Principal } from './principal.js';

const NOON = new Date('2025-11-18T12:00:00Z');
const EVENING = new Date('2025-11-18T20:00:00Z');

describe('passing on permissions', () => {
  const giver = (permissions: Permission[], expires_at: Date | null = null): Principal => ({
    ...ANYBODY,
    permissions,
    expires_at,
  });

  it('is possible with what one has, or less', () => {
    const own = giver(['keys:manage', 'runs:read']);
    expect(() => assertMayGrant(own, ['runs:read'], null)).not.toThrow();
    expect(() => assertMayGrant(own, [], null)).not.toThrow();
  });

  it('is refused with more, and told what is too much', () => {
    expect(() =>
      assertMayGrant(giver(['keys:manage']), ['keys:manage', 'runs:read', 'roles:manage'], null),
    ).toThrow(
      expect.objectContaining({
        code: 'FORBIDDEN',
        message: expect.stringMatching(/: runs:read, roles:manage$/),
      }),
    );
  });

  it.each([
    [NOON, NOON, true],
    [EVENING, NOON, true],
    [NOON, EVENING, false],
    [NOON, null, false],
    [null, null, true],
    [NOON, undefined, true],
  ])('from who ends at %p until %p is possible: %s', (own, ends, possible) => {
    const grant = () => assertMayGrant(giver([], own), [], ends);
    if (possible) expect(grant).not.toThrow();
    else expect(grant).toThrow('may outlive it');
  });
});
