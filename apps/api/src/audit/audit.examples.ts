import { AuditEntry } from '@tauro/database';
import { contentHash } from '@tauro/domain';
import { setExample } from '../http/openapi/examples.js';

export const AUDIT_EXAMPLE = {
  id: 'aud_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  created_at: '2025-11-18T10:00:00.000Z',
  actor_kind: 'key',
  actor_id: 'key_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  actor_name: 'nightly deploys',
  action: 'updateProject',
  method: 'PUT',
  path: '/api/v1/projects/proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  resource_kind: 'project',
  resource_ids: ['proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V'],
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  before_hash: contentHash('before'),
  after_hash: contentHash('after'),
  status: 200,
  outcome: 'SUCCESS',
  replayed: false,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  client_address: '192.0.2.1',
};

setExample(AuditEntry, AUDIT_EXAMPLE);
