import { type Scenario } from '../scenario.js';
import { badHandlers } from './bad-handlers.js';
import { cancel } from './cancel.js';
import { doubleDelivery } from './double-delivery.js';
import { freezeWorker } from './freeze-worker.js';
import { killWorker } from './kill-worker.js';
import { mongodb } from './mongodb.js';
import { redis } from './redis.js';
import { rollingRestart } from './rolling-restart.js';
import { schedules } from './schedules.js';

/** Every fault, in the order of the table. */
export const SCENARIOS = [
  killWorker,
  freezeWorker,
  redis,
  mongodb,
  doubleDelivery,
  cancel,
  rollingRestart,
  badHandlers,
  schedules,
] as Scenario[];
