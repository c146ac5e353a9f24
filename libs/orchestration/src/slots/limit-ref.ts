/** What limits its runs. The document of such a limit exists only while somebody holds or wants a slot. */
export type RunLimitKind = 'deployment' | 'pipeline' | 'schedule' | 'backfill';
/** What has a limit: besides those of runs a run (its tasks) and a pool (tasks of all runs). */
export type LimitKind = RunLimitKind | 'run' | 'pool';

/** One limit. `id` is that of what has it, a pool's name, or empty for the deployment. */
export interface LimitRef {
  kind: LimitKind;
  id: string;
}

/** A limit that binds somebody. */
export interface BoundBy {
  ref: LimitRef;
  weight: number;
  /** Slots of the limit, where it does not say itself. */
  capacity?: number;
  /** He takes his slots even if none is free. */
  beyond?: boolean;
}

/** Somebody who needs slots of every limit that binds him: a run to be under way, a task to be executed. */
export interface Bound {
  id: string;
  /** The last is the one whose queue he stands in. */
  limits: BoundBy[];
}

export const limitsRuns = (kind: LimitKind): kind is RunLimitKind => kind !== 'run' && kind !== 'pool';

export const limitKey = ({ kind, id }: LimitRef): string => (id ? `${kind}:${id}` : kind);
