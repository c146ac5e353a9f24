import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lineageRunId } from '../../../libs/orchestration/src/lineage/openlineage.js';
import { chain, noop, ONCE, task, wait } from '../../support/nodes.js';
import { WebhookReceiver } from '../../support/receivers.js';
import { Tauro } from '../../support/tauro.js';
import { expectStatus, User } from '../../support/user.js';
import { waitFor } from '../../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- events as their receiver reads them */

const FILES = [
  { id: 'load', type: 'source', config: { source_type: 'file', path: 'in.csv' }, ...ONCE },
  { id: 'store', type: 'sink', config: { destination: 'file', path: 'out.json' }, ...ONCE },
];

describe('a collector of lineage', () => {
  let collector: WebhookReceiver;
  let tauro: Tauro;
  let user: User;
  let project: string;
  const name = User.uniqueName('sales');
  beforeAll(async () => {
    collector = await WebhookReceiver.start();
    tauro = await Tauro.start({
      env: {
        OPENLINEAGE_URL: `${collector.url}/below/`,
        OPENLINEAGE_NAMESPACE: 'test',
        OPENLINEAGE_API_KEY: 'key-of-the-collector',
        NOTIFICATION_RETRY_SECONDS: '0.05',
        RECONCILE_SECONDS: '0.2',
      },
    });
    user = new User(tauro.api);
    project = await user.project({ name });
    writeFileSync(join(tauro.files, 'in.csv'), 'n\n1\n2\n');
  });
  afterEach(() => {
    collector.answer = () => 200;
  });
  afterAll(async () => {
    await tauro?.stop();
    await collector?.stop();
  });

  const start = async (nodes: object[], rest: object = {}): Promise<string> =>
    user.start(project, (await user.pipeline(project, nodes, rest)).id);
  /** What it has got about a run, by the type of event. */
  function told(runId: string): Record<string, any[]> {
    const events = collector.about(lineageRunId(runId)).map(({ body }) => JSON.parse(body));
    const own = events.filter(({ run }) => run.runId === lineageRunId(runId));
    const types = [...new Set(own.map(({ eventType }): string => eventType))];
    return Object.fromEntries(types.map((type) => [type, own.filter(({ eventType }) => eventType === type)]));
  }
  const untilTold = (runId: string, ...types: string[]): Promise<Record<string, any[]>> =>
    waitFor(async () => types.every((type) => told(runId)[type]) && told(runId), {
      what: `${types.join(' and ')} of ${runId}`,
    }) as Promise<Record<string, any[]>>;

  it('is told when a run begins and how it ends, with what it has read and written', async () => {
    const run = await start(FILES, { edges: chain('load', 'store') });
    const ended = await user.ended(run);
    const events = await untilTold(run, 'START', 'COMPLETE');
    const [begun] = events.START!;
    const [complete] = events.COMPLETE!;
    const job = { namespace: 'test', name: `${name}.${ended.pipeline_name}` };
    expect(begun).toMatchObject({ eventTime: ended.queued_at, job, inputs: [], outputs: [] });
    expect(complete).toMatchObject({
      eventTime: ended.finished_at,
      job,
      run: { facets: { tauro_run: { id: run } } },
    });
    expect(complete.inputs).toMatchObject([
      {
        namespace: 'file',
        name: join(tauro.files, 'in.csv'),
        facets: { schema: { fields: [{ name: 'n', type: 'BIGINT' }] } },
        inputFacets: { inputStatistics: { rowCount: 2, size: 6 } },
      },
    ]);
    expect(complete.outputs).toMatchObject([
      { name: join(tauro.files, 'out.json'), outputFacets: { outputStatistics: { rowCount: 2 } } },
    ]);
    const call = collector.about(lineageRunId(run))[0]!;
    expect(call.path).toBe('/below/api/v1/lineage');
    expect(call.headers).toMatchObject({
      'content-type': 'application/json',
      authorization: 'Bearer key-of-the-collector',
    });
  });

  it('is told why a run failed, that one was cancelled, and of what run another is a part', async () => {
    const failed = await start([task('bad', 'fail', { message: 'on purpose' }, ONCE)]);
    const slow = await start([wait('nap', 3600)]);
    const part = await user.pipeline(project, [noop('only')]);
    const whole = await start([{ id: 'part', type: 'pipeline', config: { pipeline_id: part.id } }]);
    await user.runWhen(slow, ({ state }) => state === 'RUNNING');
    expectStatus(await tauro.api.post(`/api/v1/runs/${slow}/cancel`), 202);

    const { FAIL } = await untilTold(failed, 'START', 'FAIL');
    expect(FAIL![0].run.facets.errorMessage.message).toContain('on purpose');
    await untilTold(slow, 'START', 'ABORT');
    await untilTold(whole, 'COMPLETE');
    const [sub] = expectStatus(await tauro.api.get(`/api/v1/runs?parent_run_id=${whole}`), 200);
    const { COMPLETE } = await untilTold(sub.id, 'START', 'COMPLETE');
    expect(COMPLETE![0].run.facets.parent).toMatchObject({
      run: { runId: lineageRunId(whole) },
      job: { namespace: 'test', name: `${name}.${(await user.run(whole)).pipeline_name}` },
    });
  });

  it('that is away is told once it is back, each event once', async () => {
    collector.answer = (_call, count) => (count % 3 === 0 ? 200 : 503);
    const runs = await Promise.all(Array.from({ length: 5 }, () => start([noop('only')])));
    for (const run of runs) await user.ended(run);
    for (const run of runs) await untilTold(run, 'START', 'COMPLETE');
    await waitFor(
      async () => {
        const rest = await tauro.api.get('/api/v1/notifications?channel=openlineage&state=PENDING');
        return rest.body.data.length === 0;
      },
      { what: 'everything to be sent' },
    );
    const sent = expectStatus(
      await tauro.api.get(`/api/v1/notifications?channel=openlineage&run_id=${runs[0]}`),
      200,
    );
    expect(sent.map((one: any) => [one.event, one.state]).sort()).toEqual([
      ['lineage.complete', 'SENT'],
      ['lineage.start', 'SENT'],
    ]);
    expect(sent[0].target).toBe(`${collector.url}/below/api/v1/lineage`);
    expect(JSON.stringify(sent)).not.toContain('key-of-the-collector');
  });

  it('is told after a crash of whoever ended the run, and not twice without one', async () => {
    const run = await start([noop('only')]);
    await user.ended(run);
    await untilTold(run, 'START', 'COMPLETE');
    const { database } = tauro;
    const runs = database.collection<any>('pipeline_runs');
    const followed = () =>
      waitFor(async () => (await runs.findOne({ _id: run }))!.engine.advanced === true, {
        what: 'the end to be followed up',
      });
    await followed();
    const again = { $set: { 'engine.advanced': false, 'engine.check_at': new Date() } };
    await runs.updateOne({ _id: run }, again);
    await followed();
    expect(told(run).COMPLETE).toHaveLength(1);

    // As if it had died before anything was written down.
    await database.collection('notifications').deleteMany({ run_id: run });
    await runs.updateOne({ _id: run }, again);
    await waitFor(async () => told(run).COMPLETE!.length === 2 && told(run).START!.length === 2, {
      what: 'both events again',
    });
    const [first, second] = told(run).COMPLETE!;
    expect(second).toEqual(first);
  });
});

describe('a collector at a private address', () => {
  it('is never called while the egress rule forbids it', async () => {
    const collector = await WebhookReceiver.start();
    const tauro = await Tauro.start({
      env: { OPENLINEAGE_URL: collector.url, EGRESS_ALLOW_PRIVATE: 'false', RECONCILE_SECONDS: '0.2' },
    });
    try {
      const user = new User(tauro.api);
      const run = await user.startNew([noop('only')]);
      await user.ended(run);
      const dead = await waitFor(
        async () => {
          const { body } = await tauro.api.get(`/api/v1/notifications?run_id=${run}&state=DEAD`);
          return body.data.length === 2 && body.data;
        },
        { what: 'both events to be given up' },
      );
      expect(dead[0].last_error).toContain('EGRESS_ALLOW_PRIVATE');
      expect(collector.calls).toEqual([]);
    } finally {
      await tauro.stop();
      await collector.stop();
    }
  });
});
