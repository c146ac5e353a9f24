import { Notification } from '@tauro/database';
import { setExample } from '../http/openapi/examples.js';

setExample(Notification, {
  id: 'ntf_01JD0Z5K3V6F1A2B3C4D5E6F7A8B9C',
  event: 'run.failure',
  channel: 'webhook',
  target: 'https://hooks.example.com/tauro?…',
  state: 'DEAD',
  attempt: 8,
  next_attempt_at: null,
  last_error: 'POST https://hooks.example.com/tauro?… answered 500',
  run_id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  pipeline_id: 'pipe_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  schedule_id: null,
  data: {
    run: { id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V', pipeline_name: 'daily_etl', state: 'FAILED' },
    pipeline: { id: 'pipe_01JD0Z5K3V7M8N9P0Q1R2S3T4V', name: 'daily_etl', version: 3 },
    project: { id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V', name: 'analytics_pipeline' },
    schedule_id: null,
  },
  created_at: '2025-11-18T02:05:00.000Z',
  updated_at: '2025-11-18T04:05:00.000Z',
  sent_at: null,
  expires_at: '2026-02-16T04:05:00.000Z',
});
