import { Schedule, ScheduleSlot } from '@tauro/database';
import { setExample } from '../http/openapi/examples.js';
import { NextSlot } from './schedule.dto.js';

const ID = 'sched_01JD0Z5K3V7M8N9P0Q1R2S3T4V';

export const CREATE_SCHEDULE_EXAMPLE = {
  project_id: 'proj_abc123',
  pipeline_id: 'daily_etl',
  kind: 'CRON',
  expression: '0 2 * * *',
  enabled: true,
  timezone: 'UTC',
  params: { mode: 'incremental' },
  config: {
    max_concurrency: 1,
    timeout_seconds: 7200,
    retry_on_failure: true,
    notifications: { on_success: false, on_failure: true, email: 'alerts@company.com' },
  },
};

setExample(Schedule, {
  id: ID,
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  pipeline_id: 'pipe_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  pipeline_name: 'daily_etl',
  kind: 'CRON',
  expression: '0 2 * * *',
  enabled: true,
  timezone: 'UTC',
  description: '',
  params: CREATE_SCHEDULE_EXAMPLE.params,
  tags: {},
  config: CREATE_SCHEDULE_EXAMPLE.config,
  start_at: null,
  end_at: null,
  misfire: 'last',
  misfire_window_seconds: null,
  coalesce: true,
  on_enable: { misfire: 'none', misfire_window_seconds: null, coalesce: true },
  max_concurrency: 1,
  overlap: 'skip',
  jitter_seconds: 0,
  next_run_at: '2025-11-19T02:00:00.000Z',
  last_run_at: '2025-11-18T02:00:00.000Z',
  statistics: { total_runs: 30, successful_runs: 29, failed_runs: 1, cancelled_runs: 0 },
  created_at: '2025-11-18T00:00:00.000Z',
  updated_at: '2025-11-18T00:00:00.000Z',
  revision: 1,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
});

setExample(ScheduleSlot, {
  id: 'slot_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  schedule_id: ID,
  scheduled_for: '2025-11-18T02:00:00.000Z',
  until: null,
  state: 'SUCCESS',
  reason: null,
  run_id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  kind: 'SCHEDULED',
  backfill_id: null,
  created_at: '2025-11-18T02:00:00.012Z',
  finished_at: '2025-11-18T02:01:00.000Z',
});

setExample(NextSlot, { scheduled_for: '2025-11-19T02:00:00.000Z' });
