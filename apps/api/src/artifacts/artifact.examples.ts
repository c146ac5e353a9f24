import { setExample } from '../http/openapi/examples.js';
import { Artifact, ArtifactWithPreview } from './artifact.dto.js';

const ARTIFACT = {
  id: 'task_01JD0Z5K3V7M8N9P0Q1R2S3T4V0001',
  run_id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  node_id: 'transform_data',
  attempt: 1,
  rows: 1_500_000,
  bytes: 24_117_248,
  columns: [
    { name: 'origin', type: 'VARCHAR' },
    { name: 'delay', type: 'BIGINT' },
    { name: 'departed', type: 'TIMESTAMP' },
  ],
  created_at: '2025-11-18T02:00:09.000Z',
  expires_at: '2026-02-16T02:00:12.000Z',
  available: true,
};

setExample(Artifact, ARTIFACT);
setExample(ArtifactWithPreview, {
  ...ARTIFACT,
  preview: {
    limit: 2,
    offset: 0,
    has_more: true,
    shortened: false,
    rows: [
      { origin: 'AMS', delay: 12, departed: '2025-11-17T06:05:00' },
      { origin: 'CDG', delay: null, departed: '2025-11-17T06:10:00' },
    ],
  },
});

export const CSV_EXAMPLE = 'origin,delay,departed\nAMS,12,2025-11-17 06:05:00\nCDG,,2025-11-17 06:10:00\n';
export const NDJSON_EXAMPLE =
  '{"origin":"AMS","delay":12,"departed":"2025-11-17 06:05:00"}\n' +
  '{"origin":"CDG","delay":null,"departed":"2025-11-17 06:10:00"}\n';
