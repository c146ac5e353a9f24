import { Counter } from 'prom-client';

/** Runs that this process admitted under a limit. */
export const admittedRuns = new Counter({
  name: 'tauro_runs_admitted_total',
  help: 'Runs admitted under MAX_CONCURRENT_RUNS or max_active_runs',
});
