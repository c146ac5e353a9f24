import { type NodeDefinition } from '@tauro/domain';
import { ArtifactStore } from '@tauro/nodes';
import { LEFTOVER_AGE_MS, Leftovers, RerunService, Retention, RunRemovalService } from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Engine, FAILED } from '../support/engine.js';

const node = (id: string, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  depends_on,
});
const DAY = 86_400_000;

describe('what is past its time', () => {
  let engine: Engine;
  let artifacts: ArtifactStore;
  beforeAll(async () => {
    engine = await Engine.start();
    artifacts = new ArtifactStore(engine.app.get(Env).ARTIFACTS_URL);
  });
  afterAll(() => engine.stop({ drop: true }));

  const sweep = (): Promise<number> => engine.app.get(Retention).sweep();
  const removal = (): RunRemovalService => engine.app.get(RunRemovalService);

  /** A file as an attempt of this claim writes it. */
  const table = async (run: string, id: string, claim: string): Promise<string> => {
    const key = artifacts.tableKey(run, id, claim);
    await writeFile(await artifacts.pathForWriting(key), 'rows');
    return key;
  };

  /** A run of `a -> b` that failed at `b`; `a` has made a table. */
  const endedRun = async (): Promise<{ run: string; key: string }> => {
    const run = await engine.run([node('a'), node('b', 'a')]);
    const claimed = await engine.claim(run, 'a');
    const key = await table(run, 'a', claimed.claimId);
    const ref = { artifact: key, rows: 1, bytes: 4, columns: [] };
    await engine.tasks.settle(claimed, { kind: 'success', output: { rows: 1 }, table: ref });
    await engine.finish(run, 'b', FAILED);
    expect(await engine.state(run)).toBe('FAILED');
    return { run, key };
  };
  const expire = (run: string) =>
    engine.db.runs.updateOne({ _id: run }, { $set: { expires_at: new Date(Date.now() - 1000) } });
  const leftOf = async (run: string) => ({
    runs: await engine.db.runs.countDocuments({ _id: run }),
    tasks: await engine.db.tasks.countDocuments({ run_id: run }),
    logs: await engine.db.logs.countDocuments({ run_id: run }),
    folder: existsSync(artifacts.path(`runs/${run}`)),
  });
  const NOTHING = { runs: 0, tasks: 0, logs: 0, folder: false };
  const minutesLater = (): Date => new Date(Date.now() + 120_000);

  it('is known when a run ends: by the default, or by its project', async () => {
    const { run } = await endedRun();
    const lifetime = async (id: string): Promise<number> => {
      const { finished_at, expires_at } = (await engine.db.runs.findOne({ _id: id }))!;
      return expires_at!.getTime() - finished_at!.getTime();
    };
    expect(await lifetime(run)).toBe(90 * DAY);
    await engine.db.projects.updateOne({ _id: engine.project }, { $set: { retention_days: 2 } });
    const other = (await endedRun()).run;
    await engine.db.projects.updateOne({ _id: engine.project }, { $set: { retention_days: null } });
    expect(await lifetime(other)).toBe(2 * DAY);
  });

  it('goes with everything it left, while what is not expired, or not ended, stays', async () => {
    const expired = await endedRun();
    const fresh = await endedRun();
    const going = await engine.run([node('a')]);
    await Promise.all([expire(expired.run), expire(going)]);
    const versions = await engine.db.versions.countDocuments();

    await sweep();
    expect(await leftOf(expired.run)).toEqual(NOTHING);
    expect(await leftOf(fresh.run)).toMatchObject({ runs: 1, tasks: 2, folder: true });
    expect(await leftOf(going)).toMatchObject({ runs: 1, tasks: 1 });
    expect(await engine.db.versions.countDocuments()).toBe(versions);
    await engine.finish(going, 'a');
    expect(await engine.state(going)).toBe('SUCCESS');
  });

  it('may be swept by many replicas at once', async () => {
    const runs = await Promise.all([endedRun(), endedRun(), endedRun(), endedRun()]);
    await Promise.all(runs.map(({ run }) => expire(run)));
    const other = await Engine.start(engine.database);
    const counts = await Promise.all([sweep(), other.app.get(Retention).sweep(), sweep()]);
    await other.stop();
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(runs.length);
    for (const { run } of runs) expect(await leftOf(run)).toEqual(NOTHING);
  });

  it('a rerun keeps its own hold on the tables it reuses', async () => {
    const first = await endedRun();
    const second = await engine.app.get(RerunService).rerun(first.run, 'failed');
    await expire(first.run);
    await sweep();
    expect(await leftOf(first.run)).toEqual(NOTHING);
    const a = await engine.db.tasks.findOne({ run_id: second._id, node_id: 'a' });
    expect(existsSync(artifacts.path(a!.engine.artifact!.artifact))).toBe(true);
    await engine.finish(second._id, 'b');
    expect(await engine.state(second._id)).toBe('SUCCESS');
  });

  describe('and a crash', () => {
    it('after the note, before the run went: the run stays as long as it is not asked for again', async () => {
      const { run } = await endedRun();
      const now = new Date();
      await engine.db.removals.insertOne({ _id: run, created_at: now, check_at: now });
      await removal().finish(minutesLater(), 100);
      expect(await leftOf(run)).toMatchObject({ runs: 1, tasks: 2, folder: true });
      expect(await engine.db.removals.countDocuments({ _id: run })).toBe(0);
    });

    it('after the run went, before its tasks, logs and tables did: they follow', async () => {
      const { run } = await endedRun();
      const now = new Date();
      await engine.db.removals.insertOne({ _id: run, created_at: now, check_at: now });
      await engine.db.runs.deleteOne({ _id: run });
      await removal().finish(minutesLater(), 100);
      expect(await leftOf(run)).toEqual(NOTHING);
      expect(await engine.db.removals.countDocuments({ _id: run })).toBe(0);
    });

    it('or a late worker: what it writes after the removal goes a minute later', async () => {
      const { run } = await endedRun();
      await engine.runs.delete(run);
      await table(run, 'b', 'late');
      await sweep();
      expect(await leftOf(run)).toMatchObject({ runs: 0, folder: true });
      await removal().finish(minutesLater(), 100);
      expect(await leftOf(run)).toEqual(NOTHING);
    });
  });

  it('DELETE names the state of a run that goes on, and takes nothing from it', async () => {
    const run = await engine.run([node('a')]);
    await expect(engine.runs.delete(run)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('QUEUED'),
    });
    expect(await leftOf(run)).toMatchObject({ runs: 1, tasks: 1 });
    expect(await engine.db.removals.countDocuments({ _id: run })).toBe(0);
  });

  it('files of lost claims and of runs that never were go by age; what is referred to or under way stays', async () => {
    const { run, key } = await endedRun();
    const lost = await table(run, 'a', 'lost');
    const never = await table('run_neverwas', 'a', 'c1');
    const going = await engine.run([node('a')]);
    const { claimId } = await engine.claim(going, 'a');
    const writing = await table(going, 'a', claimId);
    const leftovers = engine.app.get(Leftovers);
    const there = (): boolean[] => [key, lost, never, writing].map((one) => existsSync(artifacts.path(one)));

    await leftovers.sweep(new Date(), 10_000);
    expect(there()).toEqual([true, true, true, true]);
    await leftovers.sweep(new Date(Date.now() + LEFTOVER_AGE_MS + 1000), 10_000);
    expect(there()).toEqual([true, false, false, true]);
    expect(existsSync(artifacts.path('runs/run_neverwas'))).toBe(false);
  });
});
