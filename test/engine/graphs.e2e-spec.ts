import {
  buildGraph,
  executes,
  type NodeDefinition,
  STAGES,
  TRIGGER_RULES,
  type TaskState,
  verdictOf,
} from '@tauro/domain';
import { type ClaimedTask } from '@tauro/orchestration';
import fc from 'fast-check';
import { DONE, Engine, FAILED } from '../support/engine.js';

interface Plan {
  nodes: NodeDefinition[];
  fails: Set<string>;
  on_failure: string[];
  finally: string[];
  max_parallelism: number | undefined;
}

/**
 * Any graph: each node may depend on earlier ones of its stage, may fail, may be allowed to, has any trigger rule, and
 * is a main node or one of those that follow the end.
 */
const plans: fc.Arbitrary<Plan> = fc
  .array(
    fc.record({
      parents: fc.array(fc.nat(), { maxLength: 4 }),
      fails: fc.boolean(),
      allow_failure: fc.boolean(),
      stage: fc.constantFrom(0, 0, 0, 1, 2),
      trigger_rule: fc.option(fc.constantFrom(...TRIGGER_RULES), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .chain((rows) => fc.tuple(fc.constant(rows), fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined })))
  .map(([rows, max_parallelism]) => ({
    max_parallelism,
    on_failure: idsOf(rows, 1),
    finally: idsOf(rows, 2),
    fails: new Set(rows.flatMap((row, i) => (row.fails ? [`n${i}`] : []))),
    nodes: rows.map((row, i): NodeDefinition => ({
      id: `n${i}`,
      type: 'wait',
      config: { seconds: 0 },
      depends_on:
        i === 0
          ? []
          : [...new Set(row.parents.map((parent) => parent % i))]
              .filter((parent) => stageOf(rows, parent) === stageOf(rows, i))
              .map((parent) => `n${parent}`),
      retry_policy: { max_attempts: 1 },
      allow_failure: row.allow_failure,
      ...(row.trigger_rule && { trigger_rule: row.trigger_rule }),
    })),
  }));

/** The first node is a main one: there must be one. */
const stageOf = (rows: { stage: number }[], i: number): number => (i === 0 ? 0 : rows[i]!.stage);
const idsOf = (rows: { stage: number }[], stage: number): string[] =>
  rows.flatMap((_, i) => (stageOf(rows, i) === stage ? [`n${i}`] : []));

/** How the run must end, worked out in order and alone. */
function expected({ nodes, fails, ...rest }: Plan): {
  states: Record<string, TaskState>;
  run: 'SUCCESS' | 'FAILED';
} {
  const graph = buildGraph({ name: 'p', nodes, ...rest });
  const states: Record<string, TaskState> = {};
  const failed = (): boolean => nodes.some((node) => states[node.id] === 'FAILED' && !node.allow_failure);
  const inStages = STAGES.flatMap((_, stage) =>
    graph.order.filter((id) => graph.nodes.get(id)!.stage === stage),
  );
  let stage = 0;
  let mainFailed = false;
  for (const id of inStages) {
    const { definition, parents, ...node } = graph.nodes.get(id)!;
    if (stage === 0 && node.stage > 0) mainFailed = failed();
    stage = node.stage;
    if (stage > 0 && !executes(stage, mainFailed ? 'FAILED' : 'SUCCESS')) {
      states[id] = 'SKIPPED';
      continue;
    }
    const above = parents.map((parent) => ({
      state: states[parent]!,
      definition: graph.nodes.get(parent)!.definition,
    }));
    const verdict = verdictOf(definition, above);
    states[id] = verdict === 'run' ? (fails.has(id) ? 'FAILED' : 'SUCCESS') : verdict;
  }
  return { states, run: failed() ? 'FAILED' : 'SUCCESS' };
}

describe('any graph, executed by two processes at once', () => {
  let engines: Engine[];
  beforeAll(async () => {
    const one = await Engine.start();
    engines = [one, await Engine.start(one.database)];
  });
  afterAll(async () => {
    await engines[1]!.stop();
    await engines[0]!.stop({ drop: true });
  });

  /** Takes whatever may be taken until the run has ended; both engines at once, on the same tasks. */
  const execute = async (run: string, plan: Plan): Promise<number> => {
    let together = 0;
    let most = 0;
    const work = async (engine: Engine, claimed: ClaimedTask): Promise<void> => {
      most = Math.max(most, ++together);
      await new Promise((done) => setImmediate(done));
      together--;
      await engine.tasks.settle(claimed, plan.fails.has(claimed.node.id) ? FAILED : DONE);
    };
    for (let idle = 0; idle < 200;) {
      const ready = await engines[0]!.db.tasks
        .find({ run_id: run, state: 'QUEUED', 'engine.dispatch': { $ne: null } })
        .toArray();
      await Promise.all(
        engines.flatMap((engine) =>
          ready.map(async (task) => {
            const claimed = await engine.tasks.claim(
              task._id,
              task.run_id,
              engine === engines[0] ? 'w0' : 'w1',
            );
            if (claimed) await work(engine, claimed);
          }),
        ),
      );
      if (!['QUEUED', 'RUNNING'].includes(await engines[0]!.state(run))) return most;
      idle = ready.length === 0 ? idle + 1 : 0;
    }
    throw new Error(`stuck: ${JSON.stringify(await engines[0]!.states(run))}`);
  };

  it('ends in the states that its rules say, each task executed once, and within its parallelism', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const { max_parallelism, on_failure, finally: last } = plan;
        const run = await engines[0]!.run(plan.nodes, {
          on_failure,
          finally: last,
          config: { ...(max_parallelism && { max_parallelism }) },
        });
        const most = await execute(run, plan);
        const { states, run: state } = expected(plan);
        expect(await engines[0]!.states(run)).toEqual(
          Object.fromEntries(Object.entries(states).sort(byPosition(plan))),
        );
        expect(await engines[0]!.state(run)).toBe(state);
        if (max_parallelism) expect(most).toBeLessThanOrEqual(max_parallelism);
        await Promise.all(engines.map((engine) => engine.settled()));
        const tasks = await engines[0]!.db.tasks.find({ run_id: run }).toArray();
        for (const task of tasks) {
          expect(task.attempts).toHaveLength(task.state === 'SUCCESS' || task.state === 'FAILED' ? 1 : 0);
          expect(task.engine.check_at).toBeUndefined();
        }
        expect((await engines[0]!.db.runs.findOne({ _id: run }))!.engine.limit).toBeUndefined();
      }),
      { numRuns: 40, seed: 20_261_123, endOnFailure: true },
    );
  });

  it('joins two hundred parents once', async () => {
    const parents = Array.from({ length: 200 }, (_, i): NodeDefinition => ({
      id: `p${i}`,
      type: 'wait',
      config: { seconds: 0 },
    }));
    const join: NodeDefinition = {
      id: 'join',
      type: 'wait',
      config: { seconds: 0 },
      depends_on: parents.map((node) => node.id),
    };
    const plan: Plan = {
      nodes: [...parents, join],
      fails: new Set(),
      max_parallelism: undefined,
      on_failure: [],
      finally: [],
    };
    const run = await engines[0]!.run(plan.nodes);
    await execute(run, plan);
    expect(await engines[0]!.state(run)).toBe('SUCCESS');
    const task = await engines[0]!.db.tasks.findOne({ run_id: run, node_id: 'join' });
    expect(task!.attempt).toBe(1);
  });
});

const byPosition =
  (plan: Plan) =>
  ([a]: [string, unknown], [b]: [string, unknown]): number => {
    const { order } = buildGraph({ name: 'p', ...plan });
    return order.indexOf(a) - order.indexOf(b);
  };
