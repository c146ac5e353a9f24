import { markId, type NodeDefinition } from '@tauro/domain';
import {
  type Outcome,
  RerunService,
  RunEnd,
  RunCreation,
  RunService,
  SourceMarks,
} from '@tauro/orchestration';
import { DONE, Engine, FAILED } from '../support/engine.js';

const node = (id: string, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  depends_on,
});
const NODES = [node('read'), node('write', 'read')];

describe('the mark of an incremental source', () => {
  let engine: Engine;
  let marks: SourceMarks;
  let pipeline: string;
  beforeAll(async () => {
    engine = await Engine.start();
    marks = engine.app.get(SourceMarks);
  });
  afterAll(() => engine.stop({ drop: true }));
  beforeEach(async () => {
    const first = await engine.create(NODES);
    pipeline = (await engine.runs.get(first)).pipeline_id;
  });

  const start = async (): Promise<string> => {
    const run = await engine.app
      .get(RunCreation)
      .create({ project_id: engine.project, pipeline_id: pipeline });
    await engine.runs.start(run._id);
    return run._id;
  };
  const place = () => marks.read({ project_id: engine.project, pipeline_id: pipeline }, 'read', 'id');
  /** An attempt of the source, which has read up to there. */
  const read = async (run: string, value: string): Promise<void> => {
    const claimed = await engine.claim(run, 'read');
    await engine.tasks.settle(claimed, {
      ...(DONE as Outcome & { kind: 'success' }),
      mark: { ...(await place()), value },
    });
  };
  const warnings = async (run: string): Promise<string[]> => {
    await engine.settled();
    const chunks = await engine.db.logs.find({ run_id: run }).toArray();
    return chunks
      .flatMap(({ lines }) => lines as { level: string; message: string }[])
      .filter(({ level }) => level === 'WARNING')
      .map(({ message }) => message);
  };

  it('moves with the success of the run and not before', async () => {
    const run = await start();
    await read(run, '10');
    expect(await place()).toMatchObject({ value: null, revision: 1 });
    await engine.finish(run, 'write');
    expect(await engine.state(run)).toBe('SUCCESS');
    expect(await place()).toEqual({ by: 'id', value: '10', revision: 2 });
    expect(await engine.db.marks.findOne({ run_id: run })).toMatchObject({
      node_id: 'read',
      updated_by: null,
    });
  });

  it('stays when the run fails, and a rerun that takes the rows over moves it', async () => {
    const run = await start();
    await read(run, '10');
    await engine.finish(run, 'write', FAILED);
    expect([await engine.state(run), (await place()).value]).toEqual(['FAILED', null]);
    const again = await engine.app.get(RerunService).rerun(run, 'failed');
    expect((await engine.states(again._id))['read']).toBe('SUCCESS');
    await engine.finish(again._id, 'write');
    expect((await place()).value).toBe('10');
  });

  it('stays when the run is cancelled after everything was read', async () => {
    const run = await start();
    await read(run, '10');
    await engine.app.get(RunService).cancel(run);
    await engine.reconcile();
    expect([await engine.state(run), (await place()).value]).toEqual(['CANCELLED', null]);
  });

  it('is not moved back by a run that began before another moved it', async () => {
    const [slow, fast] = [await start(), await start()];
    await read(slow, '10');
    await read(fast, '12');
    await engine.finish(fast, 'write');
    await engine.finish(slow, 'write');
    expect([await engine.state(slow), (await place()).value]).toEqual(['SUCCESS', '12']);
    expect(await warnings(slow)).toEqual([
      "the mark of read is not moved to '10': it was moved or reset since this run has read it",
    ]);
  });

  it('is not moved by a run that began before somebody reset it', async () => {
    const run = await start();
    await read(run, '10');
    const _id = markId(engine.project, pipeline, 'read');
    await engine.db.marks.updateOne({ _id }, { $set: { value: null }, $inc: { revision: 1 } });
    await engine.finish(run, 'write');
    expect(await place()).toMatchObject({ value: null, revision: 2 });
  });

  it('stays where a node that may fail has not taken the rows on', async () => {
    const first = await engine.create([node('read'), { ...node('write', 'read'), allow_failure: true }]);
    pipeline = (await engine.runs.get(first)).pipeline_id;
    const run = await start();
    await read(run, '10');
    await engine.finish(run, 'write', FAILED);
    expect([await engine.state(run), (await place()).value]).toEqual(['SUCCESS', null]);
    expect(await warnings(run)).toContainEqual(
      expect.stringContaining('not taken on by every node after it'),
    );
  });

  it('moves together with the end of the run, or neither does', async () => {
    const run = await start();
    await read(run, '10');
    // What a process that dies there leaves behind: everything has ended, but for the run.
    const end = jest.spyOn(engine.app.get(RunEnd), 'proceed').mockRejectedValueOnce(new Error('it died'));
    await engine.finish(run, 'write').catch(() => undefined);
    end.mockRestore();
    expect([await engine.state(run), (await place()).value]).toEqual(['RUNNING', null]);
    // And one that dies within.
    const move = jest.spyOn(marks, 'move').mockRejectedValue(new Error('it died'));
    await engine.reconcile().catch(() => undefined);
    move.mockRestore();
    expect([await engine.state(run), (await place()).value]).toEqual(['RUNNING', null]);
    await engine.reconcile();
    expect([await engine.state(run), (await place()).value]).toEqual(['SUCCESS', '10']);
    // The follow-up is repeated, the mark is not.
    await engine.reconcile();
    expect((await place()).revision).toBe(2);
  });

  it('is one of another column only after a reset', async () => {
    const run = await start();
    await read(run, '10');
    await engine.finish(run, 'write');
    const owner = { project_id: engine.project, pipeline_id: pipeline };
    await expect(marks.read(owner, 'read', 'updated_at')).rejects.toThrow("is one of 'id'");
    const _id = markId(engine.project, pipeline, 'read');
    await engine.db.marks.updateOne({ _id }, { $set: { value: null }, $inc: { revision: 1 } });
    expect(await marks.read(owner, 'read', 'updated_at')).toEqual({
      by: 'updated_at',
      value: null,
      revision: 3,
    });
  });

  it('is one record when attempts ask for it at the same time', async () => {
    const places = await Promise.all(Array.from({ length: 20 }, place));
    expect(new Set(places.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(await engine.db.marks.countDocuments({ pipeline_id: pipeline })).toBe(1);
  });
});
