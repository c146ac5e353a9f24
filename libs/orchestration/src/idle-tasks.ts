import { type Task } from '@tauro/database';
import { type mongo } from 'mongoose';

/**
 * Tasks that nobody executes at the moment, so that whoever stops them may end them itself. One that waits for
 * a sub-run is not among them: it ends when that run has.
 */
export const IDLE: mongo.Filter<Task> = {
  $or: [{ state: { $in: ['PENDING', 'QUEUED', 'RETRYING'] } }, { state: 'WAITING', sub_run_id: null }],
};

/** Tasks that wait for a sub-run. */
export const WAITS_FOR_RUN: mongo.Filter<Task> = { state: 'WAITING', sub_run_id: { $ne: null } };
