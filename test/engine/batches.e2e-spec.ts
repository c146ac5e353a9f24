import { type NodeDefinition } from '@tauro/domain';
import {
  type CreateRun,
  Dispatcher,
  PipelineService,
  ProjectRemovalService,
  Retention,
  RunBatch,
  RunCreation,
} from '@tauro/orchestration';
import { Engine } from '../support/engine.js';

const NODES: NodeDefinition[] = [
  { id: 'a', type: 'wait', config: { seconds: 0 } },
  { id: 'b', type: 'wait', config: { seconds: 0 }, depends_on: ['a'] },
];
const COUNT = 20;

describe('a batch of runs', () => {
  let engine: Engine;
  let pipeline_id: string;
  beforeEach(async () => {
    engine = await Engine.start();
    const definition = { name: 'p', nodes: NODES };
    const { pipeline } = await engine.app
      .get(PipelineService)
      .create({ project_id: engine.project, definition });
    pipeline_id = pipeline._id;
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await engine.stop({ drop: true });
  });

  const create = async (fields: Partial<CreateRun> = {}) => {
    const input = { project_id: engine.project, pipeline_id, ...fields };
    const accepted = await engine.app.get(RunCreation).accept(input);
    return engine.app.get(RunBatch).create(Array.from({ length: COUNT }, () => ({ input, accepted })));
  };
  const counts = async () => ({
    runs: await engine.db.runs.countDocuments(),
    tasks: await engine.db.tasks.countDocuments(),
    logs: await engine.db.logs.countDocuments(),
    notes: await engine.db.removals.countDocuments(),
  });
  /** Lets the time pass after which what was not finished is tidied up, and has it tidied up. */
  const tidyUp = async (of = engine): Promise<void> => {
    await engine.db.removals.updateMany({}, { $set: { check_at: new Date(0) } });
    await of.app.get(Retention).sweep();
  };
  /** Something happens between the storing of the tasks and that of the runs. */
  const beforeTheRuns = (what: () => Promise<void>): void => {
    const { transaction } = engine.db;
    jest.spyOn(engine.db, 'transaction').mockImplementationOnce(async (work) => {
      await what();
      return transaction.call(engine.db, work);
    });
  };
  const NOTHING = { runs: 0, tasks: 0, logs: 0, notes: 0 };

  it('leaves nothing behind but the runs', async () => {
    await create({ start: true });
    expect(await counts()).toEqual({ runs: COUNT, tasks: 2 * COUNT, logs: COUNT, notes: 0 });
    await tidyUp();
    expect(await counts()).toEqual({ runs: COUNT, tasks: 2 * COUNT, logs: COUNT, notes: 0 });
  });

  it('whose maker died before the runs were stored never was, and what it left is removed', async () => {
    beforeTheRuns(() => Promise.reject(new Error('dies here')));
    await expect(create({ start: true })).rejects.toThrow('dies here');
    expect(await counts()).toMatchObject({ runs: 0, tasks: 2 * COUNT, notes: COUNT });
    await engine.app.get(Retention).sweep();
    expect(await counts()).toMatchObject({ tasks: 2 * COUNT, notes: COUNT });
    await tidyUp();
    expect(await counts()).toEqual(NOTHING);
  });

  it('that was taken for dead is refused, not stored without its tasks', async () => {
    beforeTheRuns(tidyUp);
    await expect(create()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(await counts()).toEqual(NOTHING);
  });

  it('is refused when its project is deleted meanwhile', async () => {
    beforeTheRuns(() => engine.app.get(ProjectRemovalService).remove(engine.project, false));
    await expect(create()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      details: Array.from({ length: COUNT }, (_, i) => expect.objectContaining({ field: `runs.${i}` })),
    });
    await tidyUp();
    expect(await counts()).toEqual(NOTHING);
  });

  it('is either refused by a project that is deleted at the same time, or cancelled with it', async () => {
    for (let round = 0; round < 5; round++) {
      const removals = engine.app.get(ProjectRemovalService);
      const project = (await engine.db.projects.findOne({ _id: engine.project }))!;
      const { pipeline } = await engine.app.get(PipelineService).create({
        project_id: engine.project,
        definition: { name: `p${round}`, nodes: NODES },
      });
      pipeline_id = pipeline._id;
      const [made] = await Promise.allSettled([create(), removals.remove(engine.project, true)]);
      const states = await engine.db.runs.distinct('state', { pipeline_id });
      expect(states).toEqual(made.status === 'fulfilled' ? ['CANCELLED'] : []);
      await engine.db.projects.insertOne(project);
    }
  });

  it('that nobody handed over is handed over by the reconciler', async () => {
    jest.spyOn(engine.app.get(Dispatcher), 'enqueueNewborn').mockRejectedValue(new Error('no Redis'));
    const runs = await create({ start: true });
    expect(runs.map(({ state }) => state)).toEqual(Array(COUNT).fill('QUEUED'));
    expect(await engine.jobs.count()).toBe(0);
    jest.restoreAllMocks();
    await engine.reconcile();
    expect(await engine.jobs.count()).toBe(COUNT);
    for (const { _id } of runs) {
      await engine.finish(_id, 'a');
      await engine.finish(_id, 'b');
      expect(await engine.state(_id)).toBe('SUCCESS');
    }
  });

  it('is started or cancelled as a whole, whoever changes one of its runs meanwhile', async () => {
    const ids = (await create()).map(({ _id }) => _id);
    const batch = engine.app.get(RunBatch);
    const one = ids[7]!;
    const [all] = await Promise.allSettled([batch.start(ids), engine.runs.cancel(one)]);
    expect(await engine.state(one)).toBe('CANCELLED');
    const others = ids.filter((id) => id !== one);
    const started = await engine.db.runs.countDocuments({ _id: { $in: others }, queued_at: { $ne: null } });
    expect(started).toBe(all.status === 'fulfilled' ? COUNT - 1 : 0);
    await expect(batch.cancel(ids)).rejects.toMatchObject({
      code: 'CONFLICT',
      details: [{ field: 'ids.7' }],
    });
    await batch.cancel(others);
    expect(await engine.db.runs.distinct('state')).toEqual(['CANCELLED']);
    await batch.delete(ids);
    expect(await counts()).toMatchObject({ runs: 0, tasks: 0, logs: 0 });
  });
});

describe('a project that is removed', () => {
  it('goes with all that belongs to it, also when its remover died', async () => {
    const engine = await Engine.start();
    try {
      const run = await engine.run(NODES);
      const removals = engine.app.get(ProjectRemovalService);
      jest.spyOn(engine.runs, 'cancelIfActive').mockRejectedValueOnce(new Error('dies here'));
      await expect(removals.remove(engine.project, true)).rejects.toThrow('dies here');
      expect(await engine.state(run)).toBe('QUEUED');
      expect(await engine.db.projects.countDocuments()).toBe(0);
      await engine.db.projectRemovals.updateMany({}, { $set: { check_at: new Date(0) } });
      await engine.app.get(Retention).sweep();
      expect(await engine.state(run)).toBe('CANCELLED');
      expect(await engine.db.pipelines.countDocuments()).toBe(0);
      expect(await engine.db.projectRemovals.countDocuments()).toBe(0);
    } finally {
      jest.restoreAllMocks();
      await engine.stop({ drop: true });
    }
  });
});
