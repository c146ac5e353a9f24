import { type NodeDefinition, newId } from '@tauro/domain';
import { type Collections, RunCreation } from '@tauro/orchestration';
import { Engine } from '../support/engine.js';

const ONLY: NodeDefinition[] = [{ id: 'only', type: 'wait', config: { seconds: 0 } }];
type Writes = Parameters<Collections['inOrder']>[0];

describe('where a run begins and ends', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.start();
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(() => engine.stop({ drop: true }));

  const linesOf = async (run_id: string): Promise<string[]> => {
    const chunks = await engine.db.logs.find({ run_id }).sort({ first_seq: 1 }).toArray();
    return chunks.flatMap(({ lines }) => lines.map(({ message }) => message.replace(/ (\(|after).*/, '')));
  };
  /** Lets something happen right before the request that ends runs. */
  const beforeTheEnd = (happens: () => Promise<unknown>): void => {
    const inOrder = engine.db.inOrder.bind(engine.db);
    jest.spyOn(engine.db, 'inOrder').mockImplementation(async (writes: Writes, how) => {
      if (writes.some((one) => one.namespace === engine.db.runs.namespace && one.name === 'updateOne')) {
        jest.restoreAllMocks();
        await happens();
      }
      return inOrder(writes, how);
    });
  };

  it('leaves nothing of a run whose project is gone, and stores the one beside it', async () => {
    const there = (await engine.db.runs.findOne({ _id: await engine.create(ONLY) }))!;
    const { pipeline_id, pipeline_name, pipeline_version } = there;
    const pinned = { pipeline_id, pipeline_name, pipeline_version };
    const [gone, alone, lost, kept] = [newId('proj'), newId('run'), newId('run'), newId('run')];
    const creation = engine.app.get(RunCreation);
    // The first goes at once, the others meanwhile, so that they are one request.
    const outcomes = await Promise.allSettled([
      creation.insert({ ...pinned, id: alone, project_id: engine.project }),
      creation.insert({ ...pinned, id: lost, project_id: gone }),
      creation.insert({ ...pinned, id: kept, project_id: engine.project }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { code: 'NOT_FOUND' } });
    const ids = { $in: [alone, lost, kept] };
    const runs = await engine.db.runs.find({ _id: ids }).toArray();
    expect(runs.map(({ _id }) => _id).sort()).toEqual([alone, kept].sort());
    const tasks = await engine.db.tasks.find({ run_id: ids }).toArray();
    expect(tasks.map(({ run_id }) => run_id).sort()).toEqual([alone, kept].sort());
  });

  it('ends the runs beside one that was cancelled at the last moment, each with the last line of its log', async () => {
    const runs = [await engine.run(ONLY), await engine.run(ONLY), await engine.run(ONLY)];
    const claims = [];
    for (const run of runs) claims.push(await engine.claim(run, 'only'));
    const [first, cancelled] = runs as [string, string, string];
    beforeTheEnd(() =>
      engine.db.runs.updateMany(
        { _id: { $in: [first, cancelled] } },
        { $set: { cancel_requested_at: new Date() } },
      ),
    );
    await Promise.all(claims.map((claim) => engine.tasks.settle(claim, { kind: 'success', output: null })));
    expect(await Promise.all(runs.map((run) => engine.state(run)))).toEqual([
      'CANCELLED',
      'CANCELLED',
      'SUCCESS',
    ]);
    const last = await Promise.all(runs.map(async (run) => (await linesOf(run)).slice(-2)));
    const ends = ['CANCELLED', 'CANCELLED', 'SUCCESS'].map((state) => [
      'task only ended SUCCESS',
      `run ended ${state}`,
    ]);
    expect(last).toEqual(ends);
  });

  it('puts the last line behind one that another process wrote meanwhile', async () => {
    const run = await engine.run(ONLY);
    const claim = await engine.claim(run, 'only');
    beforeTheEnd(async () => {
      const [last] = await engine.db.logs.find({ run_id: run }).sort({ first_seq: -1 }).limit(1).toArray();
      const line = { ...last!.lines[0]!, message: 'said elsewhere' };
      const { _id, ...place } = last!;
      await engine.db.logs.insertOne({
        ...place,
        first_seq: last!.first_seq + last!.count,
        count: 1,
        lines: [line],
      } as never);
    });
    await engine.tasks.settle(claim, { kind: 'success', output: null });
    expect(await engine.state(run)).toBe('SUCCESS');
    expect((await linesOf(run)).slice(-3)).toEqual([
      'task only ended SUCCESS',
      'said elsewhere',
      'run ended SUCCESS',
    ]);
  });
});
