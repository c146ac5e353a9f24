import { ONCE, task } from '../../support/nodes.js';
import { User } from '../../support/user.js';
import { reexecutions } from '../history/measures.js';
import { Load } from '../load.js';
import { QUICK, type Scenario, seconds, unless } from '../scenario.js';
import { type Setting } from '../stage.js';

interface Params extends Setting {
  rounds: number;
  runs: number;
  megabytes: number;
}

interface Evil {
  handler: string;
  node: object;
  /** What its task must end as, and why. */
  state: string;
  error: RegExp;
}

const evils = (megabytes: number): Evil[] => [
  {
    handler: 'loops for ever',
    node: task('evil', 'busy_loop', { seconds: 3600 }, { ...ONCE, timeout_seconds: 2 }),
    state: 'FAILED',
    error: /Timeout/,
  },
  {
    handler: 'takes all memory',
    node: task('evil', 'leak', undefined, { ...ONCE, timeout_seconds: 120 }),
    state: 'FAILED',
    error: /memory/i,
  },
  { handler: 'exits', node: task('evil', 'exit_process', undefined, ONCE), state: 'FAILED', error: /code 3/ },
  {
    handler: `logs ${megabytes} MB`,
    node: task('evil', 'log_megabytes', { megabytes }, ONCE),
    state: 'SUCCESS',
    error: /null/,
  },
];

/** Handlers that do their worst beside others that work: nobody but themselves may notice. */
export const badHandlers: Scenario<Params> = {
  name: 'bad-handlers',
  full: { workers: 2, rounds: 5, runs: 60, megabytes: 100, timed: true },
  short: { workers: 1, rounds: 1, runs: 3, megabytes: 100, env: QUICK },

  async perform(stage, { rounds, runs, megabytes, timed }) {
    const load = await Load.prepare(stage, 0.3);
    const user = new User(stage.tauro.api);
    const project = await user.project();
    const loading = load.submit(runs, rounds * 3000);
    const broken: string[] = [];
    for (let i = 0; i < rounds; i++) {
      await Promise.all(
        evils(megabytes).map(async ({ handler, node, state, error }) => {
          const id = await user.start(project, (await user.pipeline(project, [node])).id);
          stage.acknowledged(id, 'create', 'start');
          await user.ended(id);
          const { evil } = await user.tasks(id);
          const ended = `${evil.state} ${JSON.stringify(evil.error)}`;
          broken.push(
            ...unless(
              evil.state === state && error.test(ended),
              `the handler that ${handler} ended ${ended}, not ${state} ${String(error)}`,
            ),
          );
        }),
      );
    }
    await loading;
    const drain = await stage.drained(120_000);
    const dead = stage.workers.filter(({ process }) => !process.running);
    const again = reexecutions(await stage.history());
    return {
      did: `${rounds} x a handler that loops, one that leaks, one that exits, one that logs ${megabytes} MB`,
      measured: { 'workers lost': dead.length, 're-executions': again, drain: seconds(drain) },
      broken: [
        ...broken,
        ...unless(dead.length === 0, `${dead.length} workers went down with a handler`),
        ...unless(!timed || again === 0, `${again} tasks of others were executed again`),
      ],
    };
  },
};
