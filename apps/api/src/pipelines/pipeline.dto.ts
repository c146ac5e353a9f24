import { ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { AnyJson, Pipeline, PipelineVersion } from '@tauro/database';
import { idPattern, type JsonObject, STAGES } from '@tauro/domain';
import { NODE_KINDS, PIPELINE_SCHEMA } from '@tauro/nodes';
import { SchemaIs } from '../http/openapi/decorators.js';
import { type ErrorEntry } from '../http/openapi/envelope.dto.js';
import { CONTROL_FLOW } from './dag/dag.js';

const { properties: definition, required } = PIPELINE_SCHEMA;
const { items: node } = definition.nodes;

/** One step of a pipeline. */
@SchemaIs({
  ...node,
  properties: { ...node.properties, type: { type: 'string', enum: [...NODE_KINDS.keys()] } },
})
export class NodeDto {}

export class EdgeDto {
  from!: string;
  to!: string;
}

const fields = {
  ...definition,
  nodes: { ...definition.nodes, items: { $ref: getSchemaPath(NodeDto) } },
  edges: { ...definition.edges, items: { $ref: getSchemaPath(EdgeDto) } },
};
const project_id = {
  description: 'The project it belongs to; without one every project may run it.',
  type: ['string', 'null'],
  pattern: idPattern('proj').source,
};

@SchemaIs({ type: 'object', required, properties: fields, additionalProperties: false })
export class DefinitionDto {}

@SchemaIs({
  type: 'object',
  required,
  properties: { project_id, ...fields },
  additionalProperties: false,
})
export class CreatePipelineDto {}

/** Absent fields stay as they are; the result is checked as a whole. */
@SchemaIs({ type: 'object', properties: fields, additionalProperties: false })
export class UpdatePipelineDto {}

/** A pipeline with its current definition. */
export class PipelineDetail extends Pipeline {
  nodes!: NodeDto[];
  edges!: EdgeDto[];
  config!: JsonObject;
  on_failure!: string[];
  finally!: string[];
  /** Empty when any params will do. */
  params_schema!: JsonObject;
  outputs!: JsonObject;
}

/** An accepted definition. */
export class AcceptedPipeline extends PipelineDetail {
  /** What will keep it waiting as things stand, such as a handler that no live worker has. */
  warnings!: ErrorEntry[];
}

export class DefinitionSummary {
  nodes!: number;
  edges!: number;
  /** Nodes on the longest chain. */
  longest_chain!: number;
}

export class ValidationReport {
  valid!: boolean;
  errors!: ErrorEntry[];
  warnings!: ErrorEntry[];
  /** Null when it is not valid. */
  summary!: DefinitionSummary | null;
}

/** A node of the graph, with the control flow that its definition gives it. */
@SchemaIs({
  type: 'object',
  required: ['id', 'name', 'type', 'depth', 'layer', 'stage', 'mapped', 'cached'],
  properties: {
    id: { type: 'string' },
    name: { type: 'string' },
    type: { type: 'string' },
    depth: { type: 'integer', description: 'Edges on the longest way from a root.' },
    layer: { type: 'integer', description: 'Index into `layers`.' },
    stage: {
      enum: [...STAGES],
      description: '`main`; or `on_failure`, `finally`, which execute after all that stand before them.',
    },
    mapped: { type: 'boolean', description: 'Whether it runs once per item of a list.' },
    cached: { type: 'boolean', description: 'Whether its result may be taken from the cache.' },
    ...Object.fromEntries(CONTROL_FLOW.map((key) => [key, node.properties[key]])),
  },
})
export class DagNodeDto {}

export class DagDto {
  nodes!: DagNodeDto[];
  edges!: EdgeDto[];
  roots!: string[];
  leaves!: string[];
  /** Node ids by depth. */
  @ApiProperty({ type: 'array', items: { type: 'array', items: { type: 'string' } } })
  layers!: string[][];
  /** The longest chain of nodes. */
  critical_path!: string[];
}

export class FieldChange {
  /** Such as `nodes.extract.config.path`: nodes go by their id. */
  field_path!: string;
  /** Null when it was added. */
  @AnyJson()
  old!: unknown;
  /** Null when it was removed. */
  @AnyJson()
  new!: unknown;
  change_type!: 'added' | 'removed' | 'changed';
}

export class VersionDiff {
  from!: number;
  to!: number;
  changes!: FieldChange[];
}

/** A version as a list shows it: without its definition. */
export class VersionHead {
  id!: string;
  pipeline_id!: string;
  version!: number;
  checksum!: string;
  created_at!: Date;
  request_id!: string | null;
}

export { Pipeline, PipelineVersion };
