import { Trigger, TriggerEvent } from '@tauro/database';
import { setExample } from '../http/openapi/examples.js';
import { TriggerWithToken } from './trigger.dto.js';

export const AFTER_EXAMPLE = {
  project_id: 'proj_abc123',
  pipeline_id: 'daily_report',
  kind: 'PIPELINE',
  after: 'daily_etl',
  on: 'success',
  params: { day: '{{ run.params.day }}', rows: '{{ run.outputs.rows }}' },
};

const TRIGGER = {
  id: 'trg_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  pipeline_id: 'pipe_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  pipeline_name: 'daily_report',
  kind: 'PIPELINE',
  enabled: true,
  description: '',
  params: AFTER_EXAMPLE.params,
  tags: {},
  after: ['pipe_01JD0Z5K3V7M8N9P0Q1R2S3T4W'],
  after_names: ['daily_etl'],
  on: 'success',
  params_mapping: null,
  rate_limit: null,
  has_secret: false,
  created_at: '2025-11-18T00:00:00.000Z',
  updated_at: '2025-11-18T00:00:00.000Z',
  revision: 1,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
};
setExample(Trigger, TRIGGER);

const TOKEN = '5sV0sJ0q3mY8k1x2Zc4Vb6Nn8Mm0Aa2Ss4Dd6Ff8Gg0';
setExample(TriggerWithToken, {
  ...TRIGGER,
  kind: 'WEBHOOK',
  params: {},
  after: null,
  after_names: null,
  on: null,
  params_mapping: { order: '{{ body.order.id }}' },
  rate_limit: { calls: 60, per_seconds: 60 },
  has_secret: true,
  token: TOKEN,
  path: `/api/v1/hooks/${TOKEN}`,
  secret: 'Jb3q0Xo1t2n5v8y7u6i5o4p3a2s1d0f9g8h7j6k5l4',
});

setExample(TriggerEvent, {
  id: 'evt_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  trigger_id: TRIGGER.id,
  project_id: TRIGGER.project_id,
  key: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  state: 'STARTED',
  reason: null,
  run_id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4X',
  source_run_id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  source_pipeline_id: 'pipe_01JD0Z5K3V7M8N9P0Q1R2S3T4W',
  created_at: '2025-11-18T02:05:00.000Z',
  updated_at: '2025-11-18T02:05:00.000Z',
  expires_at: '2026-02-16T02:05:00.000Z',
  request_id: null,
});
