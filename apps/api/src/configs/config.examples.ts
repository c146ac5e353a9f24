import { Config, ConfigPromotion, ConfigVersion } from '@tauro/database';
import { contentHash } from '@tauro/domain';
import { setExample } from '../http/openapi/examples.js';
import { ConfigComparison } from './config.dto.js';

const PROJECT_ID = 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V';
const VERSION_ID = 'cfgv_01JD0Z5K3V7M8N9P0Q1R2S3T4V';
const AT = '2025-11-18T10:00:00.000Z';
const data = { db: { host: 'db.example.com', password: '{{ secrets.db_password }}' }, batch_size: 500 };
const common = { project_id: PROJECT_ID, environment: 'dev', name: 'warehouse', data };

export const CREATE_CONFIG_EXAMPLE = { ...common, reason: 'first settings' };
export const UPDATE_CONFIG_EXAMPLE = { data: { ...data, batch_size: 1000 }, reason: 'larger batches' };
export const PROMOTE_EXAMPLE = { environment: 'prod', reason: 'went well in staging' };
export const ROLLBACK_EXAMPLE = { reason: 'batches were too large' };
export const APPROVAL_EXAMPLE = { comment: 'checked with the warehouse team' };

setExample(Config, {
  id: 'cfg_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  ...common,
  description: 'How to reach the warehouse',
  version: 1,
  version_id: VERSION_ID,
  hash: contentHash(data),
  created_at: AT,
  updated_at: AT,
  revision: 1,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
});

setExample(ConfigVersion, {
  id: VERSION_ID,
  config_id: 'cfg_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  ...common,
  version: 1,
  hash: contentHash(data),
  change: 'CREATED',
  source_version_id: null,
  reason: 'first settings',
  created_by: 'anonymous',
  created_at: AT,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
});

setExample(ConfigPromotion, {
  id: 'cfgp_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  project_id: PROJECT_ID,
  version_id: VERSION_ID,
  name: 'warehouse',
  from_environment: 'staging',
  to_environment: 'prod',
  state: 'PENDING',
  reason: 'went well in staging',
  requested_by: 'key_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  replaces_version_id: null,
  comment: null,
  decided_by: null,
  decided_at: null,
  result_version_id: null,
  created_at: AT,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
});

setExample(ConfigComparison, {
  from: VERSION_ID,
  to: 'cfgv_01JD0Z5K3V7M8N9P0Q1R2S3T4W',
  equal: false,
  changes: [{ field_path: 'batch_size', old: 500, new: 1000, change_type: 'changed' }],
});
