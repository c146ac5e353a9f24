import { type NodeDefinition } from '@tauro/domain';
import { DONE, Engine } from '../support/engine.js';

const node = (id: string, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  depends_on,
});

describe('the time of a run', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.start();
  });
  afterAll(() => engine.stop({ drop: true }));

  const runOf = async (id: string) => (await engine.db.runs.findOne({ _id: id }))!;
  const timeIsOver = async (id: string): Promise<void> => {
    const past = { $set: { 'engine.expire_at': new Date(0) } };
    const { matchedCount } = await engine.db.runs.updateOne(
      { _id: id, 'engine.expire_at': { $exists: true } },
      past,
    );
    expect(matchedCount).toBe(1);
    await engine.reconciler.sweep();
  };

  it('begins with its first task', async () => {
    const run = await engine.run([node('a'), node('b', 'a')], { config: { run_timeout_seconds: 60 } });
    expect((await runOf(run)).engine.expire_at).toBeUndefined();
    await engine.claim(run, 'a');
    const { engine: state, started_at } = await runOf(run);
    expect(state.expire_at!.getTime() - started_at!.getTime()).toBe(60_000);
  });

  it('stops what runs and what waits, and the run FAILED with what it took', async () => {
    const run = await engine.run([node('a'), node('b', 'a'), node('c')], {
      config: { run_timeout_seconds: 60 },
    });
    const a = await engine.claim(run, 'a');
    await timeIsOver(run);
    expect(await engine.states(run)).toEqual({ a: 'RUNNING', b: 'CANCELLED', c: 'CANCELLED' });
    await engine.tasks.settle(a, { kind: 'cancelled' });
    const { state, error, engine: left } = await runOf(run);
    expect(state).toBe('FAILED');
    expect(error).toEqual({ type: 'RunTimeout', message: 'it took longer than its timeout_seconds of 60 s' });
    expect(left.expire_at).toBeUndefined();
  });

  it('leaves time to tell of the failure and to tidy up, and then none', async () => {
    const run = await engine.run([node('a'), node('tell'), node('tidy')], {
      config: { run_timeout_seconds: 60 },
      on_failure: ['tell'],
      finally: ['tidy'],
    });
    await engine.tasks.settle(await engine.claim(run, 'a'), {
      kind: 'wait',
      until: new Date(Date.now() + 9e6),
      output: null,
    });
    await timeIsOver(run);
    expect(await engine.states(run)).toEqual({ a: 'CANCELLED', tell: 'QUEUED', tidy: 'PENDING' });
    await engine.finish(run, 'tell');
    expect(await engine.states(run)).toMatchObject({ tell: 'SUCCESS', tidy: 'QUEUED' });
    await timeIsOver(run);
    expect(await engine.states(run)).toMatchObject({ tell: 'SUCCESS', tidy: 'CANCELLED' });
    expect(await runOf(run)).toMatchObject({ state: 'FAILED', error: { type: 'RunTimeout' } });
  });

  it('is bounded after a cancel as well', async () => {
    const run = await engine.run([node('a'), node('tidy')], { finally: ['tidy'] });
    await engine.tasks.settle(await engine.claim(run, 'a'), {
      kind: 'wait',
      until: new Date(Date.now() + 9e6),
      output: null,
    });
    await engine.runs.cancel(run);
    expect(await engine.states(run)).toEqual({ a: 'CANCELLED', tidy: 'QUEUED' });
    await timeIsOver(run);
    expect(await engine.states(run)).toEqual({ a: 'CANCELLED', tidy: 'CANCELLED' });
    expect(await runOf(run)).toMatchObject({ state: 'CANCELLED', error: null });
  });

  it('does not fail what had ended by itself', async () => {
    const run = await engine.run([node('a')], { config: { run_timeout_seconds: 60 } });
    const a = await engine.claim(run, 'a');
    await timeIsOver(run);
    await engine.tasks.settle(a, DONE);
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  it.each(['PENDING', 'QUEUED'])('is over at the deadline for a run that is %s', async (state) => {
    const created = await engine.create([node('a')]);
    const deadline = new Date(Date.now() + 60_000);
    await engine.db.runs.updateOne({ _id: created }, { $set: { deadline, 'engine.expire_at': deadline } });
    if (state === 'QUEUED') await engine.runs.start(created);
    await timeIsOver(created);
    expect(await runOf(created)).toMatchObject({ state: 'FAILED', error: { type: 'RunTimeout' } });
    expect(await engine.states(created)).toEqual({ a: 'CANCELLED' });
  });

  it('of a run that is paused passes too', async () => {
    const run = await engine.run([node('a')], { config: { run_timeout_seconds: 60 } });
    await engine.tasks.settle(await engine.claim(run, 'a'), {
      kind: 'wait',
      until: new Date(Date.now() + 9e6),
      output: null,
    });
    await engine.runs.pause(run);
    await timeIsOver(run);
    expect(await runOf(run)).toMatchObject({ state: 'FAILED', error: { type: 'RunTimeout' } });
  });
});
