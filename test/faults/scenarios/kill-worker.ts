import { setTimeout as sleep } from 'node:timers/promises';
import {
  givenUp,
  inFlightAt,
  type Kill,
  quantile,
  recoveryTimes,
  reexecutions,
} from '../history/measures.js';
import { Load } from '../load.js';
import { QUICK, type Scenario, seconds, unless, unproven } from '../scenario.js';
import { type Setting } from '../stage.js';

interface Params extends Setting {
  runs: number;
  kills: number;
  everyMs: number;
  taskSeconds: number;
}

const RECOVERY_MS = 15_000;

/** kill -9 of random workers; a new one takes the place of each. */
export const killWorker: Scenario<Params> = {
  name: 'kill-worker',
  full: { workers: 3, runs: 200, kills: 50, everyMs: 3000, taskSeconds: 0.5, timed: true },
  short: { workers: 2, runs: 6, kills: 2, everyMs: 1500, taskSeconds: 0.3, env: QUICK },

  async perform(stage, { runs, kills: count, everyMs, taskSeconds, timed }) {
    const load = await Load.prepare(stage, taskSeconds);
    const loading = load.submit(runs, count * everyMs);
    const kills: Kill[] = [];
    for (let i = 0; i < count; i++) {
      await sleep(everyMs);
      const { name, process } = await stage.busyWorker();
      await process.kill();
      kills.push({ worker: name, at: Date.now() });
      stage.addWorker();
    }
    await loading;
    const drain = await stage.drained(180_000);
    const history = await stage.history();
    const inFlight = inFlightAt(history, kills).length;
    const again = reexecutions(history);
    const recovery = recoveryTimes(history, kills);
    const p95 = quantile(recovery, 0.95);
    return {
      did: `${count} x kill -9 of a random worker, every ${everyMs / 1000} s`,
      measured: {
        'in flight at the kills': inFlight,
        're-executions': again,
        'recovery p50': seconds(quantile(recovery, 0.5)),
        'recovery p95': seconds(p95),
        drain: seconds(drain),
      },
      broken: [
        ...unproven(inFlight > 0, 'no kill has hit a task: the load is too light to prove anything'),
        ...unless(again <= givenUp(history), `${again} re-executions of ${givenUp(history)} lost claims`),
        ...unless(!timed || again <= inFlight, `${again} re-executions of ${inFlight} tasks in flight`),
        ...unless(!timed || p95 <= RECOVERY_MS, `recovery p95 ${seconds(p95)} > ${seconds(RECOVERY_MS)}`),
      ],
    };
  },
};
