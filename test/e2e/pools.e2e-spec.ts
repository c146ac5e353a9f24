import { noop, task } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';

describe('pools, limits of runs and tags', () => {
  let tauro: Tauro;
  let user: User;
  beforeAll(async () => {
    tauro = await Tauro.start({ env: { MAX_CONCURRENT_RUNS: '2', WORKER_TAGS: 'small' } });
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.stop());

  it('are made, shown, changed and removed', async () => {
    const body = { name: 'crud', slots: 2, rate_limit: { tasks: 5, per_seconds: 1 } };
    const made = await tauro.api.post('/api/v1/pools', body);
    expect(made.status).toBe(201);
    expect(made.body.data).toMatchObject({ ...body, used_slots: 0, running_tasks: 0, description: '' });
    expect(made.body.data.id).toMatch(/^pool_/);
    expect((await tauro.api.post('/api/v1/pools', body)).status).toBe(409);
    expect((await tauro.api.post('/api/v1/pools', { name: 'x', slots: -1 })).status).toBe(422);
    const rate = await tauro.api.post('/api/v1/pools', { name: 'x', slots: 1, rate_limit: { tasks: 0 } });
    expect(rate.status).toBe(422);
    const changed = await tauro.api.put('/api/v1/pools/crud', { slots: 3, rate_limit: null });
    expect(changed.body.data).toMatchObject({ slots: 3, rate_limit: null, revision: 2 });
    const listed = await tauro.api.get('/api/v1/pools?name=crud&fields=name,used_slots');
    expect(listed.body.data).toEqual([{ id: made.body.data.id, name: 'crud', used_slots: 0 }]);
    expect((await tauro.api.delete('/api/v1/pools/crud')).body.data.deleted).toBe(true);
    expect((await tauro.api.get('/api/v1/pools/crud')).status).toBe(404);
  });

  it('keep a task waiting with the reason, cannot be removed meanwhile, and let it go on', async () => {
    const runId = await user.startNew([task('only', 'where', undefined, { pool: 'later' })]);
    await user.runWhen(runId, (run) => /pool 'later' does not exist/.test(run.waiting_reason ?? ''), {
      what: 'a waiting_reason that names the pool',
    });
    expect((await tauro.api.post('/api/v1/pools', { name: 'later', slots: 0 })).status).toBe(201);
    await user.runWhen(runId, (run) => /pool 'later' has no room/.test(run.waiting_reason ?? ''), {
      what: 'a waiting_reason that says that it is full',
    });
    expect((await tauro.api.delete('/api/v1/pools/later')).status).toBe(409);
    expect((await tauro.api.put('/api/v1/pools/later', { slots: 1 })).status).toBe(200);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
  });

  it('admit so many runs, and the next when one ends', async () => {
    const long = [task('nap', 'sleep', { seconds: 600 })];
    const first = [await user.startNew(long), await user.startNew(long)];
    const next = await user.startNew([noop('only')]);
    const waits = await user.runWhen(next, (run) => run.waiting_reason !== null, {
      what: 'a waiting_reason',
    });
    expect(waits.waiting_reason).toBe('MAX_CONCURRENT_RUNS of 2 is reached, 0 runs are before it');
    expect((await tauro.api.post(`/api/v1/runs/${first[0]!}/cancel`)).status).toBe(202);
    expect((await user.ended(next)).state).toBe('SUCCESS');
    expect((await tauro.api.post(`/api/v1/runs/${first[1]!}/cancel`)).status).toBe(202);
    expect((await user.ended(first[1]!)).state).toBe('CANCELLED');
  });

  it('route a task to a worker that offers its tags', async () => {
    const offered = await user.startNew([noop('here', { requires: ['small'] })]);
    expect((await user.ended(offered)).state).toBe('SUCCESS');
    const runId = await user.startNew([noop('there', { requires: ['gpu', 'eu'] })]);
    await user.runWhen(runId, (run) => /no live worker offers gpu, eu/.test(run.waiting_reason ?? ''), {
      what: 'a waiting_reason that names the tags',
    });
    await tauro.addWorker({ WORKER_TAGS: 'eu,gpu' });
    expect((await user.ended(runId)).state).toBe('SUCCESS');
  });
});
