import { type ApiClient } from '../../support/api-client.js';
import { type Made, Secured } from '../../support/secured.js';
import { Tauro } from '../../support/tauro.js';
import { expectStatus, User } from '../../support/user.js';
import { waitFor } from '../../support/wait-for.js';

const KEYS = '/api/v1/keys';
const ROLES = '/api/v1/roles';

describe('API keys', () => {
  let secured: Secured;
  let admin: ApiClient;
  beforeAll(async () => {
    secured = await Secured.start({ workers: 0 });
    ({ admin } = secured);
  });
  afterAll(() => secured?.stop());

  const statusOf = async (client: ApiClient): Promise<number> => (await client.get('/api/v1/auth/me')).status;

  it('are made, shown without their secret, changed and removed', async () => {
    const body = { name: 'ci', roles: ['operator'], permissions: ['pipelines:write'] };
    const made = expectStatus(await admin.post(KEYS, body), 201);
    expect(made).toMatchObject({
      ...body,
      project_ids: null,
      expires_at: null,
      last_used_at: null,
      created_by: 'key_bootstrap',
    });
    expect(made.id).toMatch(/^key_/);
    expect(made.secret.startsWith(made.prefix)).toBe(true);
    expect(made.secret).toMatch(/^tauro_[\w-]{60,}$/);

    const shown = await admin.get(`${KEYS}/${made.id}`);
    const listed = await admin.get(`${KEYS}?name=ci`);
    expect(listed.body.data).toEqual([shown.body.data]);
    expect(JSON.stringify([shown.body, listed.body])).not.toContain(made.secret.slice(made.prefix.length));
    const stored = await secured.tauro.database.collection('api_keys').findOne({ name: 'ci' });
    expect(JSON.stringify(stored)).not.toContain(made.secret.slice(made.prefix.length));

    const tag = shown.headers.get('etag')!;
    const changed = await admin.put(`${KEYS}/${made.id}`, { roles: ['viewer'] }, { 'if-match': tag });
    expect(changed.body.data).toMatchObject({ roles: ['viewer'], permissions: ['pipelines:write'] });
    expect((await admin.put(`${KEYS}/${made.id}`, { name: 'x' }, { 'if-match': tag })).status).toBe(412);
    expectStatus(await admin.delete(`${KEYS}/${made.id}`), 200);
    expect(await statusOf(secured.as(made.secret))).toBe(401);
    expect((await admin.get(`${KEYS}/${made.id}`)).status).toBe(404);
  });

  it('tell who asks, and when they were used last', async () => {
    const { id, client } = await secured.key({ name: 'somebody', roles: ['viewer'] });
    const me = await secured.me(client);
    expect(me).toMatchObject({ kind: 'key', id, name: 'somebody', user: 'somebody', roles: ['viewer'] });
    expect(me.permissions).toContain('runs:read');
    expect(me.permissions).not.toContain('runs:execute');
    const used = await waitFor(
      async () => expectStatus(await admin.get(`${KEYS}/${id}`), 200).last_used_at as string | null,
    );
    await secured.me(client);
    expect(expectStatus(await admin.get(`${KEYS}/${id}`), 200)).toMatchObject({
      last_used_at: used,
      revision: 1,
    });
    const minute = new Date(Date.now() - 61_000);
    await secured.tauro.database
      .collection<{ _id: string }>('api_keys')
      .updateOne({ _id: id }, { $set: { last_used_at: minute } });
    await secured.me(client);
    await waitFor(async () => {
      const { last_used_at } = expectStatus(await admin.get(`${KEYS}/${id}`), 200);
      return new Date(last_used_at) > minute;
    });
  });

  it('stop counting when they expire or are revoked, and say no more than a key that never was', async () => {
    const soon = new Date(Date.now() + 1500).toISOString();
    const expiring = await secured.key({ expires_at: soon });
    expect(await statusOf(expiring.client)).toBe(200);
    await waitFor(async () => (await statusOf(expiring.client)) === 401);

    const revoked = await secured.key();
    expect(await statusOf(revoked.client)).toBe(200);
    expect(expectStatus(await admin.post(`${KEYS}/${revoked.id}/revoke`), 200).revoked_at).not.toBeNull();
    expectStatus(await admin.post(`${KEYS}/${revoked.id}/revoke`), 200);
    for (const [method, path] of [
      ['POST', `${KEYS}/${revoked.id}/rotate`],
      ['PUT', `${KEYS}/${revoked.id}`],
    ]) {
      const again = await admin.send(method!, path!, method === 'PUT' ? { name: 'again' } : undefined);
      expect([path, again.status]).toEqual([path, 409]);
    }
    expect((await admin.get(`${KEYS}?revoked=true&fields=name`)).body.data).toContainEqual(
      expect.objectContaining({ id: revoked.id }),
    );

    const real = await secured.key();
    const forged = real.secret.slice(0, -1) + (real.secret.endsWith('A') ? 'B' : 'A');
    const answers = await Promise.all(
      [expiring.secret, revoked.secret, forged, `tauro_1_${'x'.repeat(43)}`, 'x'].map(async (secret) => {
        const { status, body, headers } = await secured.as(secret).get('/api/v1/auth/me');
        return { status, error: body.error, challenge: headers.get('www-authenticate') };
      }),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]!.status).toBe(401);
    const logs = secured.tauro.apiProcess().logs();
    for (const secret of [
      expiring.secret,
      revoked.secret,
      real.secret,
      secured.tauro.env.BOOTSTRAP_API_KEY!,
    ]) {
      expect(logs).not.toContain(secret.slice(-20));
    }
  });

  it('end the streams that were opened with them, when they end or may do less', async () => {
    const [revoked, lesser] = await Promise.all([0, 1].map(() => secured.key({ roles: ['viewer'] })));
    const read = async ({ client }: Made): Promise<string> => {
      // Whatever it tells: that it ends is what counts.
      for await (const _ of client.events('/api/v1/events')) continue;
      return 'ended';
    };
    const streams = [read(revoked), read(lesser)];
    const count = async (): Promise<string> => (await fetch(`${secured.tauro.url}/metrics`)).text();
    await waitFor(async () => /^tauro_event_streams\S* 2$/m.test(await count()), { what: 'two streams' });
    expectStatus(await admin.post(`${KEYS}/${revoked.id}/revoke`), 200);
    expectStatus(await admin.put(`${KEYS}/${lesser.id}`, { roles: [], permissions: ['projects:read'] }), 200);
    expect(await Promise.all(streams)).toEqual(['ended', 'ended']);
    await expect(lesser.client.events('/api/v1/events').next()).rejects.toThrow(/403/);
  });

  it('are rotated, with an overlap during which both secrets count', async () => {
    const { id, client, secret } = await secured.key({ roles: ['viewer'] });
    const next = expectStatus(await admin.post(`${KEYS}/${id}/rotate`, { overlap_seconds: 2 }), 200);
    expect(next.secret).not.toBe(secret);
    expect(next).toMatchObject({ id, roles: ['viewer'] });
    const renewed = secured.as(next.secret);
    expect([await statusOf(client), await statusOf(renewed)]).toEqual([200, 200]);
    await waitFor(async () => (await statusOf(client)) === 401);
    expect(await statusOf(renewed)).toBe(200);
    const last = expectStatus(await admin.post(`${KEYS}/${id}/rotate`), 200);
    expect([await statusOf(renewed), await statusOf(secured.as(last.secret))]).toEqual([401, 200]);
    expect((await admin.post(`${KEYS}/${id}/rotate`, { overlap_seconds: -1 })).status).toBe(422);
  });

  it('of those that are rotated at the same time exactly one secret counts in the end', async () => {
    const { id } = await secured.key();
    const answers = await Promise.all(Array.from({ length: 8 }, () => admin.post(`${KEYS}/${id}/rotate`)));
    const secrets = answers.filter(({ status }) => status === 200).map(({ body }) => body.data.secret);
    expect(secrets.length).toBeGreaterThan(0);
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true);
    const counting = await Promise.all(secrets.map((secret) => statusOf(secured.as(secret))));
    expect(counting.filter((status) => status === 200)).toHaveLength(1);
  });

  it('are refused with a bad field, a role or a project that is not there', async () => {
    const refused = async (fields: object): Promise<[number, string[]]> => {
      const { status, body } = await admin.post(KEYS, { name: 'x', ...fields });
      return [status, body.error.details.map((one: { field: string }) => one.field)];
    };
    expect(await refused({ name: '' })).toEqual([422, ['name']]);
    expect(await refused({ permissions: ['everything'] })).toEqual([422, ['permissions']]);
    expect(await refused({ project_ids: [] })).toEqual([422, ['project_ids']]);
    expect(await refused({ expires_at: '2020-01-01T00:00:00Z' })).toEqual([422, ['expires_at']]);
    expect(await refused({ secret: 'mine' })).toEqual([422, ['secret']]);
    expect((await refused({ roles: ['nobody'] }))[0]).toBe(404);
    expect((await refused({ project_ids: ['proj_nowhere'] }))[0]).toBe(404);
    const both = { authorization: 'Bearer x' };
    expect((await admin.get('/api/v1/auth/me', both)).body.error.message).toMatch(/not both/);
  });

  it('pass on nothing that their holder does not have', async () => {
    const keeper = await secured.key({ permissions: ['keys:manage', 'roles:manage', 'runs:read'] });
    const powerful = await secured.key({ roles: ['admin'] });
    const weak = await secured.key({ permissions: ['runs:read'] }, keeper.client);
    const { client } = keeper;
    const refused = [
      await client.post(KEYS, { name: 'x', roles: ['admin'] }),
      await client.post(KEYS, { name: 'x', roles: ['viewer'] }),
      await client.post(KEYS, { name: 'x', permissions: ['runs:execute'] }),
      await client.put(`${KEYS}/${keeper.id}`, { roles: ['admin'] }),
      await client.put(`${KEYS}/${weak.id}`, { permissions: ['projects:write'] }),
      await client.put(`${KEYS}/${powerful.id}`, { expires_at: null }),
      await client.post(`${KEYS}/${powerful.id}/rotate`),
      await client.post(ROLES, { name: User.uniqueName('role'), permissions: ['audit:read'] }),
    ];
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 403));
    expect(refused[2]!.body.error.message).toContain('runs:execute');

    const role = User.uniqueName('role');
    expectStatus(await client.post(ROLES, { name: role, permissions: ['runs:read'] }), 201);
    expectStatus(await client.put(`${KEYS}/${keeper.id}`, { roles: [role] }), 200);
    expect((await client.put(`${ROLES}/${role}`, { permissions: ['projects:write'] })).status).toBe(403);
    expect((await client.put(`${ROLES}/admin`, { permissions: ['runs:read'] })).status).toBe(409);
    expect((await secured.me(client)).permissions).toEqual(['keys:manage', 'roles:manage', 'runs:read']);
  });

  it('make none that outlive them', async () => {
    const ends = new Date(Date.now() + 3_600_000).toISOString();
    const { client } = await secured.key({ roles: ['admin'], expires_at: ends });
    const token = secured.bearing(await secured.token(client));
    for (const maker of [client, token]) {
      expect((await maker.post(KEYS, { name: 'x' })).status).toBe(403);
      expectStatus(await maker.post(KEYS, { name: 'x', expires_at: ends }), 201);
    }
  });

  it('have roles of the house, which count from the next request on', async () => {
    const name = User.uniqueName('auditor');
    const role = expectStatus(await admin.post(ROLES, { name, permissions: ['runs:read'] }), 201);
    expect(role).toMatchObject({ name, built_in: false, permissions: ['runs:read'] });
    expect((await admin.post(ROLES, { name, permissions: [] })).status).toBe(409);
    const { client } = await secured.key({ roles: [name] });
    const reaches = async (path: string): Promise<number> => (await client.get(path)).status;
    expect([await reaches('/api/v1/runs'), await reaches('/api/v1/projects')]).toEqual([200, 403]);
    expectStatus(await admin.put(`${ROLES}/${name}`, { permissions: ['projects:read'] }), 200);
    expect([await reaches('/api/v1/runs'), await reaches('/api/v1/projects')]).toEqual([403, 200]);
    expect((await admin.delete(`${ROLES}/${name}`)).status).toBe(409);
    expectStatus(await admin.delete(`${ROLES}/${name}?force=true`), 200);
    expect(await reaches('/api/v1/projects')).toBe(403);
    const names = (await admin.get(`${ROLES}?fields=name,built_in`)).body.data as { name: string }[];
    expect(names.map((one) => one.name)).toEqual(
      expect.arrayContaining(['viewer', 'operator', 'developer', 'admin']),
    );
    expect((await admin.delete(`${ROLES}/viewer`)).status).toBe(409);
  });

  it('let each built-in role do its work, and no more', async () => {
    const clients = Object.fromEntries(
      await Promise.all(
        ['viewer', 'operator', 'developer', 'admin'].map(
          async (role) => [role, (await secured.key({ roles: [role] })).client] as const,
        ),
      ),
    );
    const project = await new User(clients.developer!).project();
    const pipeline = await new User(clients.developer!).pipeline(project, [
      { id: 'a', type: 'task', config: { handler: 'noop' } },
    ]);
    const asks: [string, string, object | undefined, Record<string, boolean>][] = [
      ['GET', `/api/v1/projects/${project}`, undefined, { viewer: true, operator: true, developer: true }],
      ['POST', '/api/v1/projects', { name: '!' }, { viewer: false, operator: false, developer: true }],
      [
        'POST',
        '/api/v1/runs',
        { project_id: project, pipeline_id: pipeline.id },
        { viewer: false, operator: true, developer: true },
      ],
      ['POST', '/api/v1/schedules', {}, { viewer: false, operator: true, developer: true }],
      ['PUT', `/api/v1/pipelines/${pipeline.id}`, {}, { viewer: false, operator: false, developer: true }],
      ['GET', KEYS, undefined, { viewer: false, operator: false, developer: false }],
    ];
    for (const [method, path, body, allowed] of asks) {
      for (const [role, may] of Object.entries({ ...allowed, admin: true })) {
        const { status } = await clients[role]!.send(method, path, body);
        expect([method, path, role, status !== 403]).toEqual([method, path, role, may]);
      }
    }
  });
});

describe('a server without auth', () => {
  it('makes no keys while SECRET_KEY is published', async () => {
    const tauro = await Tauro.start({ workers: 0 });
    try {
      expect((await tauro.api.get('/api/v1/auth/me')).body.data).toMatchObject({
        kind: 'anonymous',
        id: 'anonymous',
        roles: ['admin'],
        project_ids: null,
      });
      expect((await tauro.api.post(KEYS, { name: 'x' })).status).toBe(409);
      expect((await tauro.api.post('/api/v1/auth/token')).status).toBe(409);
    } finally {
      await tauro.stop();
    }
  });
});
