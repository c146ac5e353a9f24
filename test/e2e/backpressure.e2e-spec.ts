import { type Answer } from '../support/api-client.js';
import { Cable } from '../support/cable.js';
import { noop } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

describe('a start that cannot be executed now', () => {
  let tauro: Tauro;
  let user: User;
  let redis: Cable;
  let project: string;
  let pipeline: string;

  beforeAll(async () => {
    redis = await Cable.to(process.env.TEST_REDIS_URL!);
    // Nobody executes anything yet, so what is started stays in the queue.
    tauro = await Tauro.start({ workers: 0, env: { MAX_QUEUED_RUNS: '3', REDIS_URL: redis.url } });
    user = new User(tauro.api);
    project = await user.project();
    pipeline = (await user.pipeline(project, [noop('only')])).id;
  });
  afterAll(async () => {
    redis?.plug();
    await tauro?.stop();
    await redis?.close();
  });

  const post = (path: string, body: object = {}): Promise<Answer> =>
    tauro.api.post(`/api/v1/runs${path}`, body);
  const create = (start: boolean): Promise<Answer> =>
    post('', { project_id: project, pipeline_id: pipeline, start });
  const runs = (): Promise<number> => tauro.database.collection('pipeline_runs').countDocuments();
  const expectFull = ({ status, body, headers }: Answer, what: string): void => {
    expect([status, body.error.code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
    expect(body.error.message).toBe(
      `The queue is full: 3 started runs may wait to begin (MAX_QUEUED_RUNS), so nothing was ${what}; try again later`,
    );
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  };

  it('because Redis is away is accepted all the same, and is executed once Redis and a worker are there', async () => {
    redis.pull();
    await waitFor(async () => (await tauro.api.get('/health/ready')).status === 503, {
      what: 'Redis to be missed',
    });
    const answer = await create(true);
    expect([answer.status, answer.body.data.state]).toEqual([201, 'QUEUED']);
    const pending = await create(false);
    expect((await post(`/${pending.body.data.id}/start`)).status).toBe(202);
    redis.plug();
    await tauro.ready();
    const worker = await tauro.addWorker();
    for (const { body } of [answer, pending]) {
      expect((await user.ended(body.data.id)).state).toBe('SUCCESS');
    }
    await worker.stop();
  });

  it('because the queue is full is refused, nothing is left of it, and what waits already is none the worse', async () => {
    const queued: string[] = [];
    const pending = (await create(false)).body.data.id as string;
    // A run that has just ended may still be in the count of the last second.
    for (let i = 0; i < 3; i++) {
      const started = await waitFor(async () => {
        const answer = await create(true);
        return answer.status === 201 ? answer : undefined;
      });
      queued.push(started.body.data.id);
    }
    const before = await runs();

    expectFull(await create(true), 'created');
    expectFull(await post(`/${queued[0]}/rerun`), 'created');
    expect(await runs()).toBe(before);

    expectFull(await post(`/${pending}/start`), 'started');
    expect((await user.run(pending)).state).toBe('PENDING');
    expect((await create(false)).status).toBe(201);
    // Started before: repeating it is harmless, also now.
    const again = await post(`/${queued[0]}/start`);
    expect([again.status, again.body.data.state]).toEqual([202, 'QUEUED']);

    await tauro.addWorker();
    for (const id of queued) expect((await user.ended(id)).state).toBe('SUCCESS');
    await waitFor(async () => (await post(`/${pending}/start`)).status === 202, {
      what: 'room in the queue',
    });
    expect((await user.ended(pending)).state).toBe('SUCCESS');
  });
});
