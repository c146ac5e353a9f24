import { Dataset } from '@tauro/database';
import { setExample } from '../http/openapi/examples.js';
import { RunLineageView } from './lineage.dto.js';

const COLUMNS = [
  { name: 'origin', type: 'VARCHAR' },
  { name: 'delay', type: 'BIGINT' },
];
const READ = {
  id: 'ds_0f1e2d3c4b5a69788796a5b4c3',
  namespace: 'file',
  name: '/srv/data/flights.csv',
  columns: COLUMNS,
  rows: 1_500_000,
  bytes: 73_400_320,
};
const WRITTEN = {
  id: 'ds_a1b2c3d4e5f60718293a4b5c6d',
  namespace: 'file',
  name: '/srv/data/late.parquet',
  columns: COLUMNS,
  rows: 20_000,
  bytes: 524_288,
};

setExample(RunLineageView, {
  run_id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  inputs: [READ],
  outputs: [WRITTEN],
  nodes: [
    {
      node_id: 'flights',
      type: 'source',
      tables: [],
      inputs: [READ],
      outputs: [],
      rows_in: 1_500_000,
      bytes_in: 73_400_320,
      rows_out: 1_500_000,
      bytes_out: 24_117_248,
    },
    {
      node_id: 'late',
      type: 'sink',
      tables: ['flights'],
      inputs: [],
      outputs: [WRITTEN],
      rows_in: 1_500_000,
      bytes_in: 24_117_248,
      rows_out: 20_000,
      bytes_out: 524_288,
    },
  ],
  truncated: false,
});

setExample(Dataset, {
  id: READ.id,
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  namespace: READ.namespace,
  name: READ.name,
  columns: COLUMNS,
  last_written: null,
  last_read: {
    run_id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
    node_id: 'flights',
    pipeline_id: 'pipe_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
    pipeline_name: 'daily_etl',
    at: '2025-11-18T02:00:07.000Z',
    rows: READ.rows,
    bytes: READ.bytes,
  },
  created_at: '2025-11-18T02:00:12.000Z',
  updated_at: '2025-11-18T02:00:07.000Z',
  expires_at: '2026-02-16T02:00:12.000Z',
});
