import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** Injection token of this worker's id. */
export const WORKER_ID = Symbol('WORKER_ID');

/** Unique for every start: a worker that comes back under its old pid must not own its predecessor's claims. */
export const newWorkerId = (name?: string): string =>
  `${name ?? `${hostname()}-${process.pid}`}-${randomBytes(3).toString('hex')}`;
