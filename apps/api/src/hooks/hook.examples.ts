import { setExample } from '../http/openapi/examples.js';
import { AcceptedCall } from './hook.dto.js';

export const CALL_EXAMPLE = { order: { id: 4711, total: 99.5 } };

setExample(AcceptedCall, {
  run_id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  event_id: 'evt_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  repeated: false,
});
