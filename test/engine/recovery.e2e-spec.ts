import { type NodeDefinition, STOP } from '@tauro/domain';
import {
  LeaseService,
  MAX_LOSSES,
  RUN_RECOVERY,
  RunLogWriter,
  TASK_RECOVERY,
  RunCreation,
} from '@tauro/orchestration';
import { DONE, Engine, FAILED } from '../support/engine.js';

const node = (id: string, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  depends_on,
  retry_policy: { max_attempts: 2, backoff_seconds: 0 },
});

describe('a crash between any two steps', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.start();
  });
  afterAll(() => engine.stop({ drop: true }));

  /** Undoes what followed a task's terminal write, as if the process had died right after it. */
  const forgetAdvance = async (run: string, ended: string, ...after: string[]): Promise<void> => {
    await engine.settled();
    await engine.db.tasks.updateOne(
      { run_id: run, node_id: ended },
      { $set: { 'engine.advanced': false, 'engine.check_at': new Date(0) } },
    );
    await engine.db.tasks.updateMany(
      { run_id: run, node_id: { $in: after } },
      {
        $set: { state: 'PENDING', queued_at: null, 'engine.dispatch': null },
        $unset: { 'engine.check_at': 1 },
      },
    );
  };

  it('after the start was stored, before the first tasks were queued: they are queued', async () => {
    const run = await engine.run([node('a'), node('b', 'a')]);
    await engine.db.tasks.updateMany(
      { run_id: run },
      { $set: { state: 'PENDING' }, $unset: { 'engine.check_at': 1 } },
    );
    await engine.reconcile();
    expect(await engine.states(run)).toEqual({ a: 'QUEUED', b: 'PENDING' });
  });

  describe('of a run that starts when it is created', () => {
    const started = async (): Promise<string> => {
      const pending = await engine.runs.get(await engine.create([node('a'), node('b', 'a')]));
      const { project_id, pipeline_id } = pending;
      const run = await engine.app.get(RunCreation).create({ project_id, pipeline_id, start: true });
      expect(run.state).toBe('QUEUED');
      expect(await engine.states(run._id)).toEqual({ a: 'QUEUED', b: 'PENDING' });
      return run._id;
    };

    it('before its first jobs were made: they are made', async () => {
      const run = await started();
      await engine.jobs.drain();
      await engine.reconcile();
      const jobs = await engine.jobs.getJobs(['wait', 'prioritized']);
      expect(jobs.filter((job) => job.data.run_id === run)).toHaveLength(1);
      await engine.finish(run, 'a');
      expect(await engine.states(run)).toEqual({ a: 'SUCCESS', b: 'QUEUED' });
    });

    it('before the run was stored: its tasks go, but not while it may still come', async () => {
      const run = await started();
      await engine.db.runs.deleteOne({ _id: run });
      await engine.reconcile();
      expect(await engine.db.tasks.countDocuments({ run_id: run })).toBe(2);
      await engine.db.tasks.updateMany({ run_id: run }, { $set: { created_at: new Date(0) } });
      await engine.reconcile();
      expect(await engine.db.tasks.countDocuments({ run_id: run })).toBe(0);
    });
  });

  it('after a task was queued, before its job was made, or Redis lost everything: it gets a job', async () => {
    const run = await engine.run([node('a')]);
    await engine.jobs.obliterate({ force: true });
    await engine.reconcile();
    const jobsOfRun = async (): Promise<number> =>
      (await engine.jobs.getJobs(['wait', 'prioritized'])).filter((job) => job.data.run_id === run).length;
    expect(await jobsOfRun()).toBe(1);
    // A second look finds the job and makes no other.
    await engine.reconcile();
    expect(await jobsOfRun()).toBe(1);
  });

  it('while a task runs: another worker gets it, and what the first one says later is refused', async () => {
    const run = await engine.run([node('a')]);
    const zombie = await engine.claim(run, 'a', 'w1');
    await engine.reconcile();
    expect(await engine.states(run)).toEqual({ a: 'QUEUED' });
    const winner = await engine.claim(run, 'a', 'w2');

    expect(await engine.tasks.settle(zombie, FAILED)).toBe(false);
    expect(
      await engine.app.get(LeaseService).renew('w1', [{ taskId: zombie.task._id, claimId: zombie.claimId }]),
    ).toEqual(new Set());
    expect(await engine.tasks.settle(winner, DONE)).toBe(true);
    expect(await engine.state(run)).toBe('SUCCESS');
    const task = await engine.db.tasks.findOne({ run_id: run });
    expect(task!.attempts.map(({ attempt, state, worker_id }) => [attempt, state, worker_id])).toEqual([
      [1, 'LOST', 'w1'],
      [2, 'SUCCESS', 'w2'],
    ]);
  });

  it('again and again on the same task: it is taken for what kills its workers, and fails', async () => {
    const run = await engine.run([node('a'), node('b', 'a')]);
    for (let loss = 0; loss <= MAX_LOSSES; loss++) {
      await engine.claim(run, 'a', `w${loss}`);
      await engine.reconcile();
    }
    expect(await engine.states(run)).toEqual({ a: 'FAILED', b: 'UPSTREAM_FAILED' });
    const { error } = (await engine.runs.get(run))!;
    expect(error).toMatchObject({ type: 'WorkerLost', node_id: 'a' });
  });

  it('after a task ended, before the next was told: the next is queued', async () => {
    const run = await engine.run([node('a'), node('b', 'a')]);
    await engine.finish(run, 'a');
    await forgetAdvance(run, 'a', 'b');
    await engine.reconcile();
    expect(await engine.states(run)).toEqual({ a: 'SUCCESS', b: 'QUEUED' });
  });

  it('after a task failed, half-way through telling a long row of followers: all of them are told', async () => {
    const run = await engine.run([node('a'), node('b', 'a'), node('c', 'b'), node('d', 'c')]);
    await engine.finish(run, 'a', FAILED);
    await engine.db.runs.updateOne({ _id: run }, { $set: { state: 'RUNNING', finished_at: null } });
    await forgetAdvance(run, 'a', 'c', 'd');
    await engine.reconcile();
    expect(await engine.states(run)).toEqual({
      a: 'FAILED',
      b: 'UPSTREAM_FAILED',
      c: 'UPSTREAM_FAILED',
      d: 'UPSTREAM_FAILED',
    });
    expect(await engine.state(run)).toBe('FAILED');
  });

  it('after an attempt failed, before its retry was planned: it is tried again', async () => {
    const run = await engine.run([node('a')]);
    await engine.finish(run, 'a', {
      ...FAILED,
      kind: 'failure',
      retryable: true,
      error: { type: 'E', message: 'm' },
    });
    await engine.reconcile();
    expect(await engine.states(run)).toEqual({ a: 'QUEUED' });
    await engine.finish(run, 'a');
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  it('while a task waits: its wait ends', async () => {
    const run = await engine.run([node('a'), node('b', 'a')]);
    await engine.finish(run, 'a', { kind: 'wait', until: new Date(), output: { waited: true } });
    expect(await engine.states(run)).toEqual({ a: 'WAITING', b: 'PENDING' });
    await engine.reconcile();
    expect(await engine.states(run)).toEqual({ a: 'SUCCESS', b: 'QUEUED' });
  });

  it('after the last task ended, before the run did: the run ends', async () => {
    const run = await engine.run([node('a')]);
    await engine.finish(run, 'a');
    await engine.db.runs.updateOne({ _id: run }, { $set: { state: 'RUNNING', finished_at: null } });
    await forgetAdvance(run, 'a');
    await engine.reconcile();
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  it('after the run ended, before its log did: the log ends, once', async () => {
    const run = await engine.run([node('a')]);
    await engine.finish(run, 'a');
    await engine.settled();
    await engine.db.logs.deleteMany({ run_id: run, final: true });
    await engine.db.runs.updateOne(
      { _id: run },
      { $set: { 'engine.advanced': false, 'engine.check_at': new Date(0) } },
    );
    await engine.reconcile();
    await engine.reconcile();
    const last = await engine.db.logs.find({ run_id: run, final: true }).toArray();
    expect(last.map((chunk) => chunk.lines[0]!.message)).toEqual([
      expect.stringMatching(/^run ended SUCCESS/),
    ]);
    expect((await engine.db.runs.findOne({ _id: run }))!.engine.check_at).toBeUndefined();
  });

  it('after a cancel was stored, before anything was swept: the run ends CANCELLED', async () => {
    const run = await engine.run([node('a'), node('b', 'a')]);
    await engine.db.runs.updateOne(
      { _id: run },
      {
        $set: {
          cancel_requested_at: new Date(),
          'engine.stop_below': STOP.all,
          'engine.check_at': new Date(0),
        },
      },
    );
    await engine.reconcile();
    expect(await engine.states(run)).toEqual({ a: 'CANCELLED', b: 'CANCELLED' });
    expect(await engine.state(run)).toBe('CANCELLED');
  });

  it('of a worker whose run is being cancelled: its task ends CANCELLED and the run with it', async () => {
    const run = await engine.run([node('a'), node('b', 'a')]);
    await engine.claim(run, 'a');
    await engine.runs.cancel(run);
    expect(await engine.states(run)).toEqual({ a: 'RUNNING', b: 'CANCELLED' });
    await engine.reconcile();
    expect(await engine.states(run)).toEqual({ a: 'CANCELLED', b: 'CANCELLED' });
    expect(await engine.state(run)).toBe('CANCELLED');
  });

  it('while a slot of the run was held: the slot goes to the next task', async () => {
    const run = await engine.run([node('a'), node('b')], { config: { max_parallelism: 1 } });
    await engine.finish(run, 'a');
    await engine.db.runs.updateOne(
      { _id: run },
      {
        $set: {
          'engine.limit.holders': [
            {
              id: (await engine.db.tasks.findOne({ run_id: run, node_id: 'a' }))!._id,
              weight: 1,
              since: new Date(0),
            },
          ],
        },
      },
    );
    await engine.db.tasks.updateOne({ run_id: run, node_id: 'b' }, { $set: { 'engine.dispatch': null } });
    await engine.reconcile();
    const b = (await engine.db.tasks.findOne({ run_id: run, node_id: 'b' }))!;
    expect(b.engine.dispatch).not.toBeNull();
    const { limit } = (await engine.db.runs.findOne({ _id: run }))!.engine;
    expect(limit!.holders.map(({ id }) => id)).toEqual([b._id]);
  });

  it('and whatever else went wrong: a run in which nothing is under way is led on', async () => {
    const run = await engine.run([node('a'), node('b', 'a')]);
    await engine.finish(run, 'a');
    await engine.settled();
    // Nobody knows any more that b follows.
    await engine.db.tasks.updateOne(
      { run_id: run, node_id: 'b' },
      { $set: { state: 'PENDING' }, $unset: { 'engine.check_at': 1 } },
    );
    await engine.reconcile();
    expect(await engine.states(run)).toEqual({ a: 'SUCCESS', b: 'QUEUED' });
  });

  it('the tables name every state in which something must still happen', () => {
    const states = (rows: readonly { state: string }[]): string[] => rows.map((row) => row.state).sort();
    expect(states(TASK_RECOVERY)).toEqual([
      'CANCELLED',
      'FAILED',
      'QUEUED',
      'RETRYING',
      'RUNNING',
      'SKIPPED',
      'SUCCESS',
      'WAITING',
    ]);
    expect(states(RUN_RECOVERY)).toEqual(['CANCELLED', 'FAILED', 'PENDING', 'QUEUED', 'RUNNING', 'SUCCESS']);
  });
});

describe('two writers of one log', () => {
  it('number their lines without a gap and without a double', async () => {
    const one = await Engine.start();
    const other = await Engine.start(one.database);
    const run = await one.create([node('a')]);
    const writers = [one, other].map((engine) => engine.app.get(RunLogWriter));
    await Promise.all(
      writers.map(async (writer, w) => {
        for (let i = 0; i < 100; i++) {
          writer.append(run, null, 'INFO', `${w}:${i}`);
          if (i % 3 === 0) await writer.flush(run);
        }
        await writer.flush(run);
      }),
    );
    const chunks = await one.db.logs.find({ run_id: run }).sort({ first_seq: 1 }).toArray();
    let next = 1;
    for (const chunk of chunks) {
      expect(chunk.first_seq).toBe(next);
      next += chunk.count;
    }
    expect(next).toBe(201);
    for (const w of [0, 1]) {
      const own = chunks
        .flatMap((chunk) => chunk.lines.map((line) => line.message))
        .filter((m) => m.startsWith(`${w}:`));
      expect(own).toEqual(Array.from({ length: 100 }, (_, i) => `${w}:${i}`));
    }
    await other.stop();
    await one.stop({ drop: true });
  });
});
