import { join } from 'node:path';
import { Secured } from '../../support/secured.js';
import { ROOT } from '../../support/server-process.js';
import { type Ended, runProgram } from '../../support/shell.js';
import { Tauro } from '../../support/tauro.js';
import { expectStatus } from '../../support/user.js';

describe('the first key', () => {
  let secured: Secured;
  beforeAll(async () => {
    secured = await Secured.start({ workers: 0 });
  });
  afterAll(() => secured?.stop());

  /** What `npm run keys -- ...` runs. */
  const cli = (args: string[], env: Record<string, string> = {}): Promise<Ended> =>
    runProgram([process.execPath, join(ROOT, 'dist/apps/cli/src/main.js'), 'keys', ...args], '', {
      env: { PATH: process.env.PATH, ...secured.tauro.env, ...env },
      cwd: secured.tauro.files,
    });

  it('is made without a server, and prints nothing but its secret', async () => {
    const { code, stdout, stderr } = await cli(['create', '--name', 'me', '--role', 'admin']);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^key_\w+; its secret is shown only this once\n$/),
    ]);
    expect(stdout).toMatch(/^tauro_[\w-]+\n$/);
    const me = await secured.me(secured.as(stdout.trim()));
    expect(me).toMatchObject({ kind: 'key', name: 'me', roles: ['admin'], project_ids: null });
    const { data } = (await secured.admin.get('/api/v1/keys?name=me')).body;
    expect(data[0]).toMatchObject({ id: me.id, created_by: 'cli', expires_at: null });
    const entries = (await secured.admin.get(`/api/v1/audit?resource=${me.id}`)).body.data;
    expect(entries).toMatchObject([{ actor_kind: 'cli', action: 'keys create', outcome: 'SUCCESS' }]);
  });

  it('may be confined, and end', async () => {
    const { id } = expectStatus(await secured.admin.post('/api/v1/projects', { name: 'cli' }), 201);
    const args = [
      'create',
      '--name',
      'x',
      '--permission',
      'runs:read',
      '--project',
      id,
      '--expires-in',
      '2 days',
    ];
    const { stdout } = await cli(args);
    const { project_ids, permissions, expires_at } = await secured.me(secured.as(stdout.trim()));
    expect([project_ids, permissions]).toEqual([[id], ['runs:read']]);
    const hours = (new Date(expires_at).getTime() - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(47);
    expect(hours).toBeLessThanOrEqual(48);
  });

  it.each([
    [['create', '--role', 'admin'], '--name is missing'],
    [['create', '--name', 'x'], '--role is missing'],
    [['create', '--name', 'x', '--role', 'nobody'], '--role nobody: there is none'],
    [['create', '--name', 'x', '--permission', 'all'], 'there is no such permission'],
    [['create', '--name', 'x', '--role', 'admin', '--project', 'proj_x'], '--project proj_x: there is none'],
    [['create', '--name', 'x', '--role', 'admin', '--expires-in', 'soon'], '--expires-in soon: is not'],
    [['make'], 'not understood: make'],
    [['create', '--nonsense'], 'Usage: npm run keys'],
  ])('is not made by %j', async (args, told) => {
    const { code, stdout, stderr } = await cli(args);
    expect([code, stdout + stderr]).toEqual([1, expect.stringContaining(told)]);
    expect(stdout).not.toMatch(/^tauro_/);
  });

  it('counts for nothing under another SECRET_KEY, and is not made under the published one', async () => {
    const args = ['create', '--name', 'x', '--role', 'admin'];
    const other = await cli(args, { SECRET_KEY: 'x'.repeat(40) });
    expect((await secured.as(other.stdout.trim()).get('/api/v1/auth/me')).status).toBe(401);
    const published = await cli(args, { SECRET_KEY: '', ENABLE_AUTH: 'false' });
    expect([published.code, published.stdout + published.stderr]).toEqual([
      1,
      expect.stringContaining('published placeholder'),
    ]);
  });

  it('may be that of the environment, as long as it is there', async () => {
    expect(await secured.me(secured.admin)).toMatchObject({ id: 'key_bootstrap', roles: ['admin'] });
    const bearer = secured.bearing(await secured.token(secured.admin));
    expect(await secured.me(bearer)).toMatchObject({ kind: 'token', id: 'key_bootstrap' });
    await secured.tauro.apiProcess().stop();
    delete secured.tauro.env.BOOTSTRAP_API_KEY;
    secured.tauro.startApi();
    await secured.tauro.ready();
    for (const client of [secured.admin, bearer]) {
      expect((await client.get('/api/v1/auth/me')).status).toBe(401);
    }
  });

  it('is not needed where there is no auth, but may be made before there is', async () => {
    const open = await Tauro.start({ workers: 0, env: { SECRET_KEY: secured.tauro.env.SECRET_KEY! } });
    try {
      const made = expectStatus(await open.api.post('/api/v1/keys', { name: 'x', roles: ['viewer'] }), 201);
      expect(made.created_by).toBe('anonymous');
      await open.apiProcess().stop();
      open.env.ENABLE_AUTH = 'true';
      open.startApi();
      await open.ready();
      expect((await open.api.get('/api/v1/runs')).status).toBe(401);
      expect((await open.api.get('/api/v1/runs', { 'x-api-key': made.secret })).status).toBe(200);
    } finally {
      await open.stop();
    }
  });
});
