import { task } from '../../support/nodes.js';
import { User } from '../../support/user.js';
import { waitFor } from '../../support/wait-for.js';
import { quantile } from '../history/measures.js';
import { Load } from '../load.js';
import { QUICK, type Scenario, seconds, unless } from '../scenario.js';
import { type Setting, type Stage } from '../stage.js';

interface Params extends Setting {
  cancelled: number;
  loadRuns: number;
}

/** How long a worker lets an aborted handler go on before it kills its process. */
const GRACE_MS = 2000;

/** Runs whose handlers will not stop are cancelled all at once, while others go on. */
export const cancel: Scenario<Params> = {
  name: 'cancel',
  full: { workers: 4, cancelled: 100, loadRuns: 20, env: { WORKER_CONCURRENCY: '30' }, timed: true },
  short: { workers: 1, cancelled: 4, loadRuns: 2, env: { ...QUICK, WORKER_CONCURRENCY: '6' } },

  async perform(stage, { cancelled, loadRuns, timed }) {
    const load = await Load.prepare(stage, 0.3);
    const user = new User(stage.tauro.api);
    const project = await user.project();
    const pipeline = await user.pipeline(project, [task('deaf', 'stubborn')]);
    const ids = await Promise.all(Array.from({ length: cancelled }, () => user.start(project, pipeline.id)));
    for (const id of ids) stage.acknowledged(id, 'create', 'start');
    const pids = await waitFor(() => executing(stage, ids), {
      what: `${cancelled} handlers to run`,
      timeout: 180_000,
    });
    const loading = load.submit(loadRuns, 1000);
    const gone = await Promise.all(
      ids.map(async (id) => {
        const asked = performance.now();
        const { status } = await stage.tauro.api.post(`/api/v1/runs/${id}/cancel`);
        if (status !== 202) throw new Error(`cancel of ${id} was answered with ${status}`);
        stage.acknowledged(id, 'cancel');
        await waitFor(() => !isAlive(pids.get(id)!), { what: `process ${pids.get(id)} to go` });
        return performance.now() - asked;
      }),
    );
    await loading;
    const drain = await stage.drained(120_000);
    const states = await Promise.all(ids.map(async (id): Promise<string> => (await user.run(id)).state));
    const p95 = quantile(gone, 0.95);
    const other = states.filter((state) => state !== 'CANCELLED');
    return {
      did: `${cancelled} runs cancelled at once whose handlers do not listen`,
      measured: {
        'process gone p50': seconds(quantile(gone, 0.5)),
        'process gone p95': seconds(p95),
        drain: seconds(drain),
      },
      broken: [
        ...unless(other.length === 0, `cancelled runs ended ${other.join(', ')}`),
        ...unless(!timed || p95 <= GRACE_MS + 1000, `a process was gone after ${seconds(p95)} only (p95)`),
      ],
    };
  },
};

/** The processes that execute these runs, once there is one for each. */
function executing(stage: Stage, ids: string[]): Map<string, number> | undefined {
  const entries = stage.ledger() as { pid?: number; stubborn?: string }[];
  const pids = new Map(entries.flatMap(({ pid, stubborn }) => (pid && stubborn ? [[stubborn, pid]] : [])));
  return ids.every((id) => pids.has(id)) ? pids : undefined;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
