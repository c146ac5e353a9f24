import { setTimeout as sleep } from 'node:timers/promises';
import { givenUp, inFlightAt, reexecutions, type Kill } from '../history/measures.js';
import { Load } from '../load.js';
import { QUICK, type Scenario, seconds, unless, unproven } from '../scenario.js';
import { type Setting } from '../stage.js';
import { waitFor } from '../../support/wait-for.js';

/** A worker that goes on again notices within a heartbeat, or when what it had in hand ends. */
const NOTICE_MS = 10_000;

interface Params extends Setting {
  rounds: number;
  runsPerRound: number;
  leaseMs: number;
  taskSeconds: number;
}

/** A worker that stands still for twice its lease and then goes on as if nothing had been. */
export const freezeWorker: Scenario<Params> = {
  name: 'freeze-worker',
  full: { workers: 2, rounds: 5, runsPerRound: 10, leaseMs: 10_000, taskSeconds: 1, timed: true },
  short: { workers: 2, rounds: 1, runsPerRound: 4, leaseMs: 3000, taskSeconds: 0.5, env: QUICK },

  async perform(stage, { rounds, runsPerRound, leaseMs, taskSeconds, timed }) {
    const load = await Load.prepare(stage, taskSeconds);
    const frozen: Kill[] = [];
    let drain = 0;
    for (let i = 0; i < rounds; i++) {
      const loading = load.submit(runsPerRound, 500);
      const { name, process } = await stage.busyWorker();
      process.signal('SIGSTOP');
      frozen.push({ worker: name, at: Date.now() });
      await sleep(2 * leaseMs);
      frozen.at(-1)!.until = Date.now();
      process.signal('SIGCONT');
      await loading;
      drain = Math.max(drain, await stage.drained(120_000));
    }
    const history = await stage.history();
    const taken = inFlightAt(history, frozen).length;
    const noticed = (): number =>
      stage.tauro.workers
        .map((worker) => worker.logs().match(/claim is lost|late completion ignored/g)?.length ?? 0)
        .reduce((sum, count) => sum + count, 0);
    // It finds out when its attempt ends or with its next heartbeat, and the others may be done before.
    await waitFor(() => noticed() > 0, { what: 'a worker to notice', timeout: NOTICE_MS }).catch(
      () => undefined,
    );
    const refused = noticed();
    const again = reexecutions(history);
    return {
      did: `${rounds} x SIGSTOP of a worker for ${(2 * leaseMs) / 1000} s, then SIGCONT`,
      measured: { 'in flight': taken, refused, 're-executions': again, drain: seconds(drain) },
      broken: [
        ...unproven(taken > 0, 'no worker had a task when it was stopped'),
        ...unproven(refused > 0, 'no worker noticed that its claims were given to others'),
        ...unless(again <= givenUp(history), `${again} re-executions of ${givenUp(history)} lost claims`),
        ...unless(!timed || again <= taken, `${again} re-executions of ${taken} tasks in flight`),
      ],
    };
  },
};
