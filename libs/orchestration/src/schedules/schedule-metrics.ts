import { Counter, Histogram } from 'prom-client';

/** Runs that this process made for schedules. */
export const startedRuns = new Counter({
  name: 'tauro_schedule_runs_total',
  help: 'Runs made for schedules, by what asked for them',
  labelNames: ['kind'],
});

/** Slots that got no run. */
export const skippedSlots = new Counter({
  name: 'tauro_schedule_skipped_slots_total',
  help: 'Slots of schedules that were skipped by policy',
});

/** Only of slots that were taken in time; those that were made up for would say how long the workers were away. */
export const lateness = new Histogram({
  name: 'tauro_schedule_lateness_seconds',
  help: 'From when a slot was due to its run being made',
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60],
});
