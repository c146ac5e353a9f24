import { randomUUID } from 'node:crypto';
import { noop } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

describe('a POST with an Idempotency-Key', () => {
  let tauro: Tauro;
  let user: User;
  let project: string;
  let pipeline: string;
  beforeAll(async () => {
    tauro = await Tauro.start({ workers: 0 });
    user = new User(tauro.api);
    project = await user.project();
    pipeline = (await user.pipeline(project, [noop('only')])).id;
  });
  afterAll(() => tauro?.stop());

  const keys = () => tauro.database.collection<any>('idempotency_keys');
  const post = (path: string, body: unknown, key: string) =>
    tauro.api.post(`/api/v1/${path}`, body, { 'idempotency-key': key });
  const run = (tag: string): object => ({ project_id: project, pipeline_id: pipeline, tags: { tag } });
  const runsOf = async (tag: string): Promise<number> =>
    (await tauro.api.get(`/api/v1/runs?tags.tag=${tag}&limit=1`)).body.meta.total;

  it('is carried out once, and answered the same way each time', async () => {
    const key = randomUUID();
    const first = await post('runs', run('once'), key);
    const again = await post('runs', run('once'), key);
    expect(first.status).toBe(201);
    expect(first.headers.has('idempotency-replayed')).toBe(false);
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    // The order of fields and the spaces between them mean nothing.
    const text = JSON.stringify(Object.fromEntries(Object.entries(run('once')).reverse()), null, 2);
    expect((await post('runs', text, key)).body).toEqual(first.body);
    expect(await runsOf('once')).toBe(1);
  });

  it.each([
    ['start', 202],
    ['cancel', 202],
  ])('keeps the status of %s', async (word, status) => {
    const { id } = (await post('runs', run(word), randomUUID())).body.data;
    const key = randomUUID();
    const answers = [
      await post(`runs/${id}/${word}`, undefined, key),
      await post(`runs/${id}/${word}`, undefined, key),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([status, status]);
    expect(answers[1]!.body).toEqual(answers[0]!.body);
  });

  it('keeps the answer of a whole batch, also of one that is partial', async () => {
    const key = randomUUID();
    const body = { runs: [run('part'), { ...run('part'), pipeline_id: 'no_such' }], partial: true };
    const first = await post('runs/batch', body, key);
    const again = await post('runs/batch', body, key);
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect(await runsOf('part')).toBe(1);
    const all = { runs: Array.from({ length: 300 }, () => run('all')) };
    const many = randomUUID();
    const created = await post('runs/batch', all, many);
    expect((await post('runs/batch', all, many)).body).toEqual(created.body);
    expect(await runsOf('all')).toBe(300);
  });

  it('is refused with another body, path or query, which does nothing', async () => {
    const key = randomUUID();
    await post('runs', run('first'), key);
    for (const [path, body] of [
      ['runs', run('second')],
      ['projects', run('first')],
      ['runs/batch', { runs: [run('second')] }],
    ] as const) {
      const { status, body: answer, headers } = await post(path, body, key);
      expect([status, answer.error.code, answer.error.details[0].field]).toEqual([
        409,
        'CONFLICT',
        'Idempotency-Key',
      ]);
      expect(headers.has('retry-after')).toBe(false);
    }
    expect(await runsOf('second')).toBe(0);
  });

  it('is carried out once when many come at the same time', async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('runs', run('crowd'), key)));
    const done = answers.filter(({ status }) => status === 201);
    expect(done.length).toBeGreaterThanOrEqual(1);
    for (const { body } of done) expect(body).toEqual(done[0]!.body);
    for (const { status, headers } of answers.filter((answer) => !done.includes(answer))) {
      expect([status, headers.get('retry-after')]).toEqual([409, '1']);
    }
    expect(await runsOf('crowd')).toBe(1);
    expect((await post('runs', run('crowd'), key)).body).toEqual(done[0]!.body);
  });

  it('may be repeated with the same key, and mended, when it was refused', async () => {
    const key = randomUUID();
    const name = User.uniqueName('mended');
    expect((await post('projects', { name, retention_days: -1 }, key)).status).toBe(422);
    const made = await post('projects', { name }, key);
    expect(made.status).toBe(201);
    expect((await post('projects', { name }, key)).body).toEqual(made.body);
    // Without the key it is the conflict that it was before.
    expect((await tauro.api.post('/api/v1/projects', { name })).status).toBe(409);
  });

  it.each(['', 'with space', 'ü', 'x'.repeat(256), 'tab\there'])('refuses the key %j', async (key) => {
    const answer = await tauro.api.post('/api/v1/runs', run('bad'), {
      'idempotency-key': encodeURI(key) === key ? key : Buffer.from(key).toString('latin1'),
    });
    expect([answer.status, answer.body.error.details[0].field]).toEqual([422, 'Idempotency-Key']);
    expect(await runsOf('bad')).toBe(0);
  });

  it('keeps nothing that could be read without the key, and forgets it after a day', async () => {
    const key = randomUUID();
    await post('runs', run('sealed'), key);
    const stored = await keys().find().sort({ expires_at: -1 }).toArray();
    const text = JSON.stringify(stored);
    expect(text).not.toContain(key);
    expect(text).not.toContain('sealed');
    const hours = (stored[0].expires_at.getTime() - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(23.9);
    expect(hours).toBeLessThan(24.1);
    const indexes = await keys().indexes();
    expect(indexes).toContainEqual(
      expect.objectContaining({ key: { expires_at: 1 }, expireAfterSeconds: 0 }),
    );
    // MongoDB's own sweep comes once a minute; until then the time counts.
    await keys().updateMany({}, { $set: { expires_at: new Date(Date.now() - 1000) } });
    expect((await post('runs', run('sealed'), key)).headers.has('idempotency-replayed')).toBe(false);
    expect(await runsOf('sealed')).toBe(2);
  });

  it('is not locked for ever by a process that dies while it carries it out', async () => {
    const key = randomUUID();
    const body = { runs: Array.from({ length: 1000 }, () => run('died')) };
    const dying = post('runs/batch', body, key).catch(() => undefined);
    await waitFor(() => keys().findOne({ status: null }), { what: 'the key to be claimed' });
    await tauro.apiProcess().kill();
    await dying;
    tauro.startApi();
    await tauro.ready();
    const held = await post('runs/batch', body, key);
    if (held.status === 409) {
      expect(held.headers.get('retry-after')).toBe('1');
      await keys().updateMany({ status: null }, { $set: { lease_until: new Date(0) } });
      expect((await post('runs/batch', { runs: [run('other')] }, key)).status).toBe(409);
    }
    const again = await post('runs/batch', body, key);
    expect([again.status, again.body.data.length]).toEqual([201, 1000]);
    expect((await post('runs/batch', body, key)).body).toEqual(again.body);
    expect((await runsOf('died')) % 1000).toBe(0);
  });

  it('is answered at the next try when it took longer than a client may wait', async () => {
    const hasty = await Tauro.start({ workers: 0, env: { REQUEST_TIMEOUT: '1' } });
    try {
      const owner = new User(hasty.api);
      const project_id = await owner.project();
      const nodes = Array.from({ length: 50 }, (_, i) => noop(`n${i}`));
      const { id: pipeline_id } = await owner.pipeline(project_id, nodes);
      const body = { runs: Array.from({ length: 1000 }, () => ({ project_id, pipeline_id })) };
      const ask = () => hasty.api.post('/api/v1/runs/batch', body, { 'idempotency-key': 'slow' });
      expect((await ask()).status).toBe(504);
      const answer = await waitFor(
        async () => {
          const again = await ask();
          if (again.status !== 201) throw new Error(`${again.status} ${JSON.stringify(again.body.error)}`);
          return again;
        },
        { what: 'the answer to be there' },
      );
      expect(answer.headers.get('idempotency-replayed')).toBe('true');
      expect(answer.body.data).toHaveLength(1000);
      expect((await hasty.api.get('/api/v1/runs?limit=1')).body.meta.total).toBe(1000);
    } finally {
      await hasty.stop();
    }
  });

  it('counts nothing on requests that change nothing by being repeated', async () => {
    const key = randomUUID();
    const get = await tauro.api.get('/api/v1/projects?limit=1', { 'idempotency-key': key });
    expect(get.status).toBe(200);
    expect((await post('runs', run('free'), key)).status).toBe(201);
  });
});
