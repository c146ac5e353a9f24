import { Project } from '@tauro/database';
import { setExample } from '../http/openapi/examples.js';

/** Figures over the runs of one project. */
export class ProjectStatistics {
  total_pipelines!: number;
  /** Also those that have been removed since they ended. */
  total_runs!: number;
  /** SUCCESS of all runs that ended SUCCESS or FAILED; null when none did. */
  success_rate!: number | null;
  /** Mean of the finished runs; null when there is none. */
  avg_duration_seconds!: number | null;
  /** Number of runs by state. */
  runs_by_state!: Record<string, number>;
}

/** A project with its figures. */
export class ProjectDetail extends Project {
  statistics!: ProjectStatistics;
}

const PROJECT = {
  id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  name: 'analytics_pipeline',
  description: 'Daily data analytics workflow',
  owner: 'data-team@company.com',
  metadata: { team: 'data-engineering' },
  retention_days: null,
  notifications: {
    on_failure: true,
    email: 'alerts@company.com',
    webhook: { url: 'https://hooks.example.com/tauro', has_secret: true },
  },
  created_at: '2025-11-18T10:00:00.000Z',
  updated_at: '2025-11-18T12:00:00.000Z',
  revision: 2,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
};
const STATISTICS = {
  total_pipelines: 5,
  total_runs: 1250,
  success_rate: 0.98,
  avg_duration_seconds: 3600,
  runs_by_state: { SUCCESS: 1225, FAILED: 25 },
};

setExample(Project, PROJECT);
setExample(ProjectStatistics, STATISTICS);
setExample(ProjectDetail, { ...PROJECT, statistics: STATISTICS });
