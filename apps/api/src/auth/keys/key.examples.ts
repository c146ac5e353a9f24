import { ApiKey } from '@tauro/database';
import { setExample } from '../../http/openapi/examples.js';
import { KeyWithSecret } from './key.dto.js';

export const CREATE_KEY_EXAMPLE = {
  name: 'nightly deploys',
  roles: ['operator'],
  permissions: ['pipelines:write'],
  project_ids: ['proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V'],
  expires_at: '2099-01-01T00:00:00.000Z',
};

const KEY = {
  id: 'key_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  ...CREATE_KEY_EXAMPLE,
  prefix: 'tauro_01JD0Z5K3V7M8N9P0Q1R2S3T4V_Zk3p',
  last_used_at: null,
  rotated_at: null,
  revoked_at: null,
  created_by: 'key_bootstrap',
  created_at: '2025-11-18T02:00:00.000Z',
  updated_at: '2025-11-18T02:00:00.000Z',
  revision: 1,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
};

setExample(ApiKey, KEY);
setExample(KeyWithSecret, { ...KEY, secret: `${KEY.prefix}...` });
