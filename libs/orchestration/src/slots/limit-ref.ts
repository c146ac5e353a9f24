/** What has a limit: the deployment (its runs), a pipeline (its runs), a run (its tasks), a pool (tasks of all runs). */
export type LimitKind = 'deployment' | 'pipeline' | 'run' | 'pool';

/** One limit. `id` is the run's or the pipeline's id, the pool's name, or empty for the deployment. */
export interface LimitRef {
  kind: LimitKind;
  id: string;
}

/** Somebody who needs slots of every limit that binds him: a run to be under way, a task to be executed. */
export interface Bound {
  id: string;
  /** At most two; the last is the one whose queue he stands in when both are full. */
  limits: { ref: LimitRef; weight: number; capacity?: number }[];
}

export const limitKey = ({ kind, id }: LimitRef): string => (id ? `${kind}:${id}` : kind);
