import { Cable } from '../support/cable.js';
import { noop } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

type Line = Record<string, unknown> & { logger: string; message: string };

/** What the processes themselves log, which is not the log of a run. */
describe('the lines that the processes print', () => {
  let tauro: Tauro;
  let user: User;
  let redis: Cable;
  let worker: ReturnType<Tauro['spawnWorker']>;

  beforeAll(async () => {
    redis = await Cable.to(process.env.TEST_REDIS_URL!);
    tauro = await Tauro.start({ workers: 0, env: { REDIS_URL: redis.url, SHOW_SQL_QUERIES: 'true' } });
    worker = await tauro.addWorker();
    user = new User(tauro.api);
  });
  afterAll(async () => {
    redis?.plug();
    await tauro?.stop();
    await redis?.close();
  });

  const linesOf = (output: string): Line[] =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  const ofApi = (): Line[] => linesOf(tauro.apiProcess().logs());

  /** A request's line follows its answer. */
  const printed = (line: Partial<Line>): Promise<unknown> =>
    waitFor(() => ofApi().find((one) => Object.entries(line).every(([key, value]) => one[key] === value)), {
      what: JSON.stringify(line),
    });

  it('name the run and the project of a request', async () => {
    const runId = await user.startNew([noop('only')]);
    const { project_id } = await user.ended(runId);
    const subject = { run_id: runId, project_id };
    await printed({ message: 'POST /api/v1/runs 201', ...subject });
    await printed({ message: `GET /api/v1/runs/${runId} 200`, ...subject });

    await tauro.api.get('/api/v1/runs/run_nope');
    await printed({ message: 'GET /api/v1/runs/run_nope 404', run_id: 'run_nope' });
  });

  it('tell every query with SHOW_SQL_QUERIES', () => {
    expect(ofApi()).toContainEqual(
      expect.objectContaining({
        logger: 'Mongoose',
        message: expect.stringMatching(/^projects\.insertOne\(/),
      }),
    );
  });

  it('are one JSON object each, also while Redis is away', async () => {
    redis.pull();
    for (const print of [() => tauro.apiProcess().logs(), () => worker.logs()]) {
      await waitFor(() => print().includes('Redis is away'), { what: 'Redis to be missed' });
    }
    await waitFor(() => worker.logs().split('ECONNRE').length > 4, { what: 'several attempts to connect' });
    expect(() => [...ofApi(), ...linesOf(worker.logs())]).not.toThrow();
  });
});
