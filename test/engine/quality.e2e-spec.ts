import { type CheckResult, type NodeDefinition } from '@tauro/domain';
import { ArtifactStore } from '@tauro/nodes';
import { LEFTOVER_AGE_MS, Leftovers, type Outcome, Retention } from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Engine } from '../support/engine.js';

const node = (id: string, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  depends_on,
});
const found = (check: string, passed = true): CheckResult => ({
  check,
  type: 'not_null',
  severity: 'warn',
  passed,
  failed_rows: passed ? 0 : 1,
  total_rows: 2,
  message: 'as it is',
  samples: [],
});
const CHECKED: Outcome = { kind: 'success', output: null, quality: [found('a'), found('b', false)] };

describe('what checks of an attempt have found', () => {
  let engine: Engine;
  let artifacts: ArtifactStore;
  beforeAll(async () => {
    engine = await Engine.start();
    artifacts = new ArtifactStore(engine.app.get(Env).ARTIFACTS_URL);
  });
  afterAll(() => engine.stop({ drop: true }));

  const stored = (run_id: string) => engine.db.quality.find({ run_id }).sort({ _id: 1 }).toArray();
  const table = async (
    run: string,
    claim: string,
  ): Promise<{ artifact: string; rows: 1; bytes: 4; columns: [] }> => {
    const artifact = artifacts.tableKey(run, 'a', claim);
    await writeFile(await artifacts.pathForWriting(artifact), 'rows');
    return { artifact, rows: 1, bytes: 4, columns: [] };
  };

  it('is stored with its end, in the order of the checks, and the run goes on', async () => {
    const run = await engine.run([node('a'), node('b', 'a')]);
    const claimed = await engine.claim(run, 'a');
    const next = await engine.tasks.settleAndContinue(claimed, CHECKED, () => true);
    expect(next?.task.node_id).toBe('b');
    expect(await stored(run)).toMatchObject([
      {
        check: 'a',
        passed: true,
        node_id: 'a',
        task_id: claimed.task._id,
        attempt: 1,
        project_id: engine.project,
      },
      { check: 'b', passed: false, pipeline_id: claimed.run.pipeline_id },
    ]);
    await engine.tasks.settle(next!, { kind: 'success', output: null });
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  it('is stored once, however often and by how many it is told at the same time', async () => {
    const run = await engine.run([node('a')]);
    const claimed = await engine.claim(run, 'a');
    const settled = await Promise.all([1, 2, 3].map(() => engine.tasks.settle(claimed, CHECKED)));
    expect(settled.filter(Boolean)).toHaveLength(1);
    expect(await engine.tasks.settle(claimed, CHECKED)).toBe(false);
    expect(await stored(run)).toHaveLength(2);
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  it('is not stored for a claim that was lost, but for the one that took its place', async () => {
    const run = await engine.run([node('a')]);
    const lost = await engine.claim(run, 'a', 'w1');
    await engine.tasks.requeueLost(lost.task, lost.claimId, 'it stopped');
    const winner = await engine.claim(run, 'a', 'w2');
    expect(await engine.tasks.settle(lost, CHECKED)).toBe(false);
    expect(await stored(run)).toEqual([]);
    await engine.tasks.settle(winner, { ...CHECKED, quality: [found('only')] });
    expect(await stored(run)).toMatchObject([{ check: 'only', attempt: 2 }]);
  });

  it('fails a task with it, and each attempt has its own', async () => {
    const policy = { max_attempts: 2, backoff_seconds: 0, retry_on: ['QualityFailed'] };
    const run = await engine.run([{ ...node('a'), retry_policy: policy }, node('b', 'a')]);
    const error = { type: 'QualityFailed', message: '1 of 1 check failed' };
    const bad = (quarantine: NonNullable<Extract<Outcome, { kind: 'failure' }>['quarantine']>): Outcome => ({
      kind: 'failure',
      error,
      retryable: false,
      quality: [found('a', false)],
      quarantine,
    });
    const first = await table(run, 'first');
    await engine.finish(run, 'a', bad(first));
    const again = await engine.db.tasks.findOne({ run_id: run, node_id: 'a' });
    expect(again).toMatchObject({ state: 'RETRYING', engine: { quarantine: first } });
    await engine.tasks.wake(again!._id);
    const second = await table(run, 'second');
    await engine.finish(run, 'a', bad(second));
    expect(await engine.states(run)).toEqual({ a: 'FAILED', b: 'UPSTREAM_FAILED' });
    expect((await stored(run)).map(({ attempt }) => attempt)).toEqual([1, 2]);
    const { engine: kept } = (await engine.db.tasks.findOne({ run_id: run, node_id: 'a' }))!;
    expect(kept.quarantine).toEqual(second);

    await engine.app.get(Leftovers).sweep(new Date(Date.now() + LEFTOVER_AGE_MS + 1000), 10_000);
    const there = [first, second].map(({ artifact }) => existsSync(artifacts.path(artifact)));
    expect(there).toEqual([false, true]);
  });

  it('goes with its run', async () => {
    const run = await engine.run([node('a')]);
    await engine.finish(run, 'a', { ...CHECKED, quarantine: await table(run, 'c') });
    const other = await engine.run([node('a')]);
    await engine.finish(other, 'a', CHECKED);
    await engine.db.runs.updateOne({ _id: run }, { $set: { expires_at: new Date(Date.now() - 1000) } });
    await engine.app.get(Retention).sweep();
    expect(await stored(run)).toEqual([]);
    expect(existsSync(artifacts.path(`runs/${run}`))).toBe(false);
    expect(await stored(other)).toHaveLength(2);
  });
});
