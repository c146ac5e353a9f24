import { type JWTPayload } from 'jose';
import { grantOf } from './claims.js';

describe('what a token of an identity provider says', () => {
  it('is read as the documents show it', () => {
    const claims = {
      sub: 'u1',
      user: 'user@company.com',
      roles: ['developer'],
      permissions: ['audit:read'],
      project_ids: ['proj_1'],
    };
    expect(grantOf(claims)).toEqual({
      id: 'u1',
      name: 'user@company.com',
      roles: ['developer'],
      permissions: ['audit:read'],
      project_ids: ['proj_1'],
    });
  });

  it('grants nothing that it does not name', () => {
    const nothing = { id: 'u1', name: 'u1', roles: [], permissions: [], project_ids: null };
    expect(grantOf({ sub: 'u1' })).toEqual(nothing);
    expect(grantOf({ sub: 'u1', project_ids: [] })?.project_ids).toEqual([]);
  });

  it.each([
    {},
    { sub: '' },
    { sub: 'u1', roles: 'admin' },
    { sub: 'u1', roles: [1] },
    { sub: 'u1', permissions: { all: true } },
    { sub: 'u1', project_ids: 'proj_1' },
    { sub: 'u1', project_ids: ['everything'] },
    { sub: 'u1', project_ids: false },
  ])('counts for nothing as %j', (claims) => {
    expect(grantOf(claims as JWTPayload)).toBeUndefined();
  });
});
