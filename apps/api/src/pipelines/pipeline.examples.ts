import { setExample } from '../http/openapi/examples.js';
import {
  AcceptedPipeline,
  DagDto,
  Pipeline,
  PipelineDetail,
  PipelineVersion,
  ValidationReport,
  VersionDiff,
  VersionHead,
} from './pipeline.dto.js';

export const DEFINITION_EXAMPLE = {
  name: 'delayed_flights',
  description: 'Flights that were late, by airport',
  nodes: [
    { id: 'flights', type: 'source', config: { source_type: 'file', path: 'flights.csv' } },
    { id: 'late', type: 'processor', config: { transformations: [{ type: 'filter', where: 'delay > 15' }] } },
    { id: 'save', type: 'sink', config: { destination: 'file', path: 'late.parquet' } },
  ],
  edges: [
    { from: 'flights', to: 'late' },
    { from: 'late', to: 'save' },
  ],
  config: { max_parallelism: 4, retry_policy: { max_attempts: 3, backoff_seconds: 5 } },
  params_schema: { type: 'object', properties: { day: { type: 'string', format: 'date' } } },
  outputs: { rows: '{{ nodes.late.output.rows }}' },
};
const { nodes, edges, config, params_schema, outputs, ...head } = DEFINITION_EXAMPLE;

const HEAD = {
  id: 'pipe_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  ...head,
  project_id: null,
  source: 'api',
  path: null,
  version: 2,
  node_count: 3,
  created_at: '2025-11-18T10:00:00.000Z',
  updated_at: '2025-11-18T12:00:00.000Z',
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
};
const VERSION = {
  id: `${HEAD.id}.2`,
  pipeline_id: HEAD.id,
  version: 2,
  checksum: 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c',
  created_at: HEAD.updated_at,
  request_id: HEAD.request_id,
};

setExample(Pipeline, HEAD);
const DETAIL = {
  ...HEAD,
  nodes,
  edges,
  config,
  on_failure: [],
  finally: [],
  params_schema,
  outputs,
};
setExample(PipelineDetail, DETAIL);
setExample(AcceptedPipeline, { ...DETAIL, warnings: [] });
setExample(VersionHead, VERSION);
setExample(PipelineVersion, { ...VERSION, definition: DEFINITION_EXAMPLE });
setExample(ValidationReport, {
  valid: true,
  errors: [],
  warnings: [],
  summary: { nodes: 3, edges: 2, longest_chain: 3 },
});
setExample(DagDto, {
  nodes: [
    {
      id: 'flights',
      name: 'flights',
      type: 'source',
      depth: 0,
      layer: 0,
      stage: 'main',
      mapped: false,
      cached: false,
    },
    {
      id: 'late',
      name: 'late',
      type: 'processor',
      depth: 1,
      layer: 1,
      stage: 'main',
      mapped: false,
      cached: false,
    },
  ],
  edges: [{ from: 'flights', to: 'late' }],
  roots: ['flights'],
  leaves: ['late'],
  layers: [['flights'], ['late']],
  critical_path: ['flights', 'late'],
});
setExample(VersionDiff, {
  from: 1,
  to: 2,
  changes: [
    { field_path: 'nodes.flights.config.path', old: 'a.csv', new: 'flights.csv', change_type: 'changed' },
  ],
});
