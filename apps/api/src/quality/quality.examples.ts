import { QualityResult } from '@tauro/database';
import { setExample } from '../http/openapi/examples.js';

setExample(QualityResult, {
  id: 'chk_01JD0Z5K3V6F1A2B3C4D5E6F7A8B9C',
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  pipeline_id: 'pipe_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  run_id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  task_id: 'task_01JD0Z5K3V7M8N9P0Q1R2S3T4V0001',
  node_id: 'clean',
  attempt: 1,
  check: 'range(age)',
  type: 'range',
  severity: 'quarantine',
  passed: false,
  failed_rows: 2,
  total_rows: 1500,
  message: 'does not fit in 2 of 1,500 rows',
  samples: [{ age: -1 }, { age: 700 }],
  created_at: '2025-11-18T02:00:09.000Z',
});
