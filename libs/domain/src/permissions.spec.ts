import {
  ALL_PERMISSIONS,
  beyond,
  BUILT_IN_ROLES,
  isBuiltInRole,
  isPermission,
  permissionsOf,
} from './permissions.js';

describe('permissions', () => {
  it('grow from each built-in role to the next', () => {
    const roles = ['viewer', 'operator', 'developer', 'admin'] as const;
    for (const [index, role] of roles.entries()) {
      const before = index === 0 ? [] : BUILT_IN_ROLES[roles[index - 1]!].permissions;
      expect(beyond(BUILT_IN_ROLES[role].permissions, before)).toEqual([]);
      expect(BUILT_IN_ROLES[role].permissions.length).toBeGreaterThan(before.length);
    }
    expect(permissionsOf(['admin'], [])).toEqual([...ALL_PERMISSIONS].sort());
  });

  it.each([
    ['viewer', 'projects:read', true],
    ['viewer', 'runs:execute', false],
    ['viewer', 'audit:read', false],
    ['operator', 'runs:execute', true],
    ['operator', 'schedules:manage', true],
    ['operator', 'projects:write', false],
    ['operator', 'pipelines:write', false],
    ['developer', 'projects:write', true],
    ['developer', 'keys:manage', false],
    ['developer', 'roles:manage', false],
    ['developer', 'audit:read', false],
    ['developer', 'configs:promote', false],
    ['admin', 'keys:manage', true],
  ] as const)('%s has %s: %s', (role, permission, has) => {
    expect(permissionsOf([role], []).includes(permission)).toBe(has);
  });

  it('come from roles, from roles of the house, and one by one', () => {
    const custom = new Map([['auditor', ['audit:read', 'runs:read']]]);
    expect(permissionsOf(['auditor'], ['projects:read', 'runs:read'], custom)).toEqual([
      'audit:read',
      'projects:read',
      'runs:read',
    ]);
  });

  it('grant nothing by a name that means nothing', () => {
    expect(permissionsOf(['nobody', 'constructor', '__proto__'], ['everything', 'toString'])).toEqual([]);
    expect(isPermission('hasOwnProperty')).toBe(false);
    expect(isBuiltInRole('constructor')).toBe(false);
  });
});
