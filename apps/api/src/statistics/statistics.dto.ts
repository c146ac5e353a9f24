import { ResponseMeta } from '../http/openapi/envelope.dto.js';

/** Figures over all projects. */
export class DeploymentStatistics {
  total_projects!: number;
  total_pipelines!: number;
  total_runs!: number;
  /** Number of runs by state. */
  runs_by_state!: Record<string, number>;
  /** Mean of the finished runs; null when there is none. */
  average_duration_seconds!: number | null;
  /** SUCCESS of all runs that ended SUCCESS or FAILED; null when none did. */
  success_rate!: number | null;
}

export class CachedMeta extends ResponseMeta {
  /** How long ago the figures were counted. */
  cache_age_seconds!: number;
}
