import { Counter } from 'prom-client';

/** Events of triggers for which this process was to make a run. */
export const carriedOut = new Counter({
  name: 'tauro_trigger_runs_total',
  help: 'Runs made for triggers, by the kind of trigger, and those that could not be made',
  labelNames: ['kind', 'outcome'],
});
