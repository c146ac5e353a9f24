import { Run } from '@tauro/database';
import { setExample } from '../http/openapi/examples.js';
import { LogLineDto, TaskView } from './run.dto.js';

export const CREATE_RUN_EXAMPLE = {
  project_id: 'proj_abc123',
  pipeline_id: 'daily_etl',
  params: { date: '2025-11-18', mode: 'full_refresh' },
  tags: { environment: 'production', team: 'analytics' },
};

export const APPROVE_EXAMPLE = { comment: 'figures are right', by: 'ana@example.com' };
export const REJECT_EXAMPLE = { comment: 'Tuesday is missing', by: 'ana@example.com' };

const RUN_ID = 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V';
const TASK_ID = 'task_01JD0Z5K3V7M8N9P0Q1R2S3T4V0001';

setExample(Run, {
  id: RUN_ID,
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  pipeline_id: 'pipe_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  pipeline_name: 'daily_etl',
  pipeline_version: 1,
  config_version_id: null,
  state: 'RUNNING',
  params: CREATE_RUN_EXAMPLE.params,
  tags: CREATE_RUN_EXAMPLE.tags,
  priority: 0,
  progress: {
    total_tasks: 3,
    completed_tasks: 1,
    running_tasks: 1,
    failed_tasks: 0,
    percent_complete: 33.33,
  },
  metrics: { rows_processed: 1_500_000, bytes_processed: 2_147_483_648, error_count: 0 },
  error: null,
  outputs: null,
  waiting_reason: null,
  rerun_of: null,
  parent_run_id: null,
  parent_task_id: null,
  timeout_seconds: null,
  deadline: null,
  schedule_id: null,
  trigger_id: null,
  triggered_by_run_id: null,
  scheduled_for: null,
  data_interval_start: null,
  data_interval_end: null,
  created_at: '2025-11-18T02:00:00.000Z',
  updated_at: '2025-11-18T02:00:05.000Z',
  queued_at: '2025-11-18T02:00:01.000Z',
  started_at: '2025-11-18T02:00:05.000Z',
  finished_at: null,
  duration_seconds: null,
  cancel_requested_at: null,
  expires_at: null,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
});

setExample(TaskView, {
  id: TASK_ID,
  run_id: RUN_ID,
  node_id: 'transform_data',
  type: 'processor',
  state: 'SUCCESS',
  attempt: 1,
  max_attempts: 3,
  attempts: [
    {
      attempt: 1,
      state: 'SUCCESS',
      worker_id: 'host-1-4711-x7k2',
      started_at: '2025-11-18T02:00:05.000Z',
      finished_at: '2025-11-18T02:00:09.000Z',
      error: null,
    },
  ],
  error: null,
  output: { rows: 1_500_000, bytes: 2_147_483_648, columns: [{ name: 'origin', type: 'VARCHAR' }] },
  cached: false,
  sub_run_id: null,
  metrics: {
    rows: 1_500_000,
    bytes: 2_147_483_648,
    rows_in: 1_600_000,
    bytes_in: 2_290_649_225,
    rows_out: 1_500_000,
    bytes_out: 2_147_483_648,
  },
  progress: 1,
  waiting_reason: null,
  created_at: '2025-11-18T02:00:00.000Z',
  queued_at: '2025-11-18T02:00:01.000Z',
  started_at: '2025-11-18T02:00:05.000Z',
  finished_at: '2025-11-18T02:00:09.000Z',
});

const LINE = {
  timestamp: '2025-11-18T02:00:05.000Z',
  level: 'INFO',
  message: 'task started',
  task_id: TASK_ID,
  node_id: 'transform_data',
  attempt: 1,
};
setExample(LogLineDto, { id: '4', seq: 4, ...LINE });

export const EVENT_STREAM_EXAMPLE = `id: 4
data: ${JSON.stringify(LINE)}

event: end
data: {"timestamp":"2025-11-18T02:00:09.000Z","level":"INFO","message":"run ended: SUCCESS","state":"SUCCESS"}

`;
