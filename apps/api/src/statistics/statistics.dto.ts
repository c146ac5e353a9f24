import { ResponseMeta } from '../http/openapi/envelope.dto.js';

/** Figures over all projects. */
export class DeploymentStatistics {
  total_projects!: number;
  total_pipelines!: number;
  /** Also those that have been removed since they ended. */
  total_runs!: number;
  /** Number of runs by state. */
  runs_by_state!: Record<string, number>;
  /** Mean of the finished runs; null when there is none. */
  average_duration_seconds!: number | null;
  /** SUCCESS of all runs that ended SUCCESS or FAILED; null when none did. */
  success_rate!: number | null;
}

/** Figures over the runs of one pipeline. */
export class PipelineStatistics {
  /** Also those that have been removed since they ended. */
  total_runs!: number;
  /** SUCCESS of all runs that ended SUCCESS or FAILED; null when none did. */
  success_rate!: number | null;
  /** Mean of the finished runs; null when there is none. */
  avg_duration_seconds!: number | null;
  /** Number of runs by state. */
  runs_by_state!: Record<string, number>;
}

/** Figures over the runs of one schedule, those of its backfills and those triggered by hand among them. */
export class ScheduleRunStatistics extends PipelineStatistics {
  successful_runs!: number;
  failed_runs!: number;
  cancelled_runs!: number;
}

export class CachedMeta extends ResponseMeta {
  /** How long ago the figures were counted. */
  cache_age_seconds!: number;
}
