import { checkHistory } from './history/checker.js';
import { everythingEnds, nothingAcknowledgedIsLost, oneTerminalState } from './history/check-states.js';
import { type Setting, Stage } from './stage.js';
import { type FaultStores } from './stores.js';

/** What a scenario has seen. */
export interface Findings {
  /** What was done to the deployment, for people. */
  did: string;
  measured: Record<string, string | number>;
  /** Promises of the scenario itself that did not hold; those of the history are found by its checker. */
  broken: string[];
}

/** One fault, what of it is done to a deployment, and what has to hold. */
export interface Scenario<P extends Setting = Setting> {
  name: string;
  full: P;
  /** The same in seconds, for `npm test`. */
  short: P;
  /** Brings up the fault and returns when everything that was started has ended. */
  perform(stage: Stage, setting: P): Promise<Findings>;
}

export interface Report extends Findings {
  name: string;
  seconds: number;
}

export type Size = 'full' | 'short';

/** Leases that run out soon; the full scenarios keep the defaults. */
export const QUICK = { LEASE_SECONDS: '3', HEARTBEAT_SECONDS: '0.75', RECONCILE_SECONDS: '0.5' };

/** How many violations are told in full. */
const TOLD = 20;

/** Plays a scenario on a deployment of its own and holds what was stored against what is promised. */
export async function play<P extends Setting>(
  scenario: Scenario<P>,
  size: Size,
  stores: FaultStores,
  seed: number,
): Promise<Report> {
  const began = performance.now();
  const setting = scenario[size];
  const stage = await Stage.start(stores, seed, setting);
  try {
    const { did, measured, broken } = await scenario.perform(stage, setting);
    const history = await stage.history();
    const violations = checkHistory(history).map(({ promise, detail }) => `${promise}: ${detail}`);
    const all = [...broken, ...violations];
    if (all.length > 0) process.stderr.write(`${stage.tauro.logs()}\n${failures(stage)}\n`);
    const started = history.acknowledgements.filter(({ what }) => what === 'start').length;
    const lost = nothingAcknowledgedIsLost(history).length + everythingEnds(history).length;
    return {
      name: scenario.name,
      did,
      measured: { runs: started, lost, 'double terminal': oneTerminalState(history).length, ...measured },
      broken: all.length > TOLD ? [...all.slice(0, TOLD), `and ${all.length - TOLD} more`] : all,
      seconds: (performance.now() - began) / 1000,
    };
  } catch (error) {
    // What the other scenarios have shown is worth no less.
    process.stderr.write(`${stage.tauro.logs()}\n`);
    console.error(error);
    const why = (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
    const seconds = (performance.now() - began) / 1000;
    return { name: scenario.name, did: 'was given up', measured: {}, broken: [why], seconds };
  } finally {
    await stage.stop();
  }
}

/** What the API could not answer: the end of its log may be about something else. */
const failures = (stage: Stage): string =>
  stage.tauro
    .apiProcess()
    .logs()
    .split('\n')
    .filter((line) => line.includes('"level":"ERROR"') && line.includes('"err"'))
    .slice(0, TOLD)
    .join('\n');

/** A promise of a scenario as it is told when it did not hold; nothing when it did. */
export const unless = (holds: boolean, otherwise: string): string[] => (holds ? [] : [otherwise]);

/** The same for what only says that the fault has hit something: where it has not, nothing was proven. */
export const unproven = (hit: boolean, otherwise: string): string[] =>
  unless(hit, `nothing was proven: ${otherwise}`);

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
