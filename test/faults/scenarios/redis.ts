import { setTimeout as sleep } from 'node:timers/promises';
import { reexecutions } from '../history/measures.js';
import { Load } from '../load.js';
import { QUICK, type Scenario, seconds } from '../scenario.js';
import { type Setting } from '../stage.js';

interface Params extends Setting {
  runEveryMs: number;
  crashes: number;
  everyMs: number;
  taskSeconds: number;
}

/** Redis dies again and again, and in the end forgets everything. */
export const redis: Scenario<Params> = {
  name: 'redis',
  full: { workers: 2, runEveryMs: 600, crashes: 20, everyMs: 4000, taskSeconds: 0.3 },
  short: { workers: 2, runEveryMs: 500, crashes: 1, everyMs: 1000, taskSeconds: 0.3, env: QUICK },

  async perform(stage, { runEveryMs, crashes, everyMs, taskSeconds }) {
    const load = await Load.prepare(stage, taskSeconds);
    const enough = load.flow(runEveryMs);
    let away = 0;
    for (let i = 0; i < crashes; i++) {
      await sleep(everyMs * stage.random.between(0.5, 1));
      await stage.busyWorker();
      away = Math.max(away, await stage.stores.crash('redis'));
    }
    await stage.busyWorker();
    await stage.stores.flushRedis();
    await enough();
    const drain = await stage.drained(240_000);
    return {
      did: `${crashes} x kill -9 and restart of Redis, then FLUSHALL under load`,
      measured: {
        'longest outage': seconds(away),
        're-executions': reexecutions(await stage.history()),
        'drain after FLUSHALL': seconds(drain),
      },
      broken: [],
    };
  },
};
