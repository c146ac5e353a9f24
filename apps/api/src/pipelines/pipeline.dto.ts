import { ApiProperty } from '@nestjs/swagger';
import { Pipeline, PipelineVersion } from '@tauro/database';
import { type JsonObject } from '@tauro/domain';
import { type ErrorEntry } from '../http/openapi/envelope.dto.js';

/** One step of a pipeline. */
export class NodeDto {
  id!: string;
  /** source, processor, sink, task, http, wait or approval. */
  type!: string;
  /** Its keys depend on the type. */
  config?: JsonObject;
  name?: string;
  description?: string;
  /** Upstream node ids: the same as edges from each of them. */
  depends_on?: string[];
  /** `{max_attempts, backoff_seconds, backoff, max_backoff_seconds, jitter, retry_on, abort_on}` */
  retry_policy?: JsonObject;
  /** Bound of one attempt. */
  timeout_seconds?: number;
  /** Bound of all attempts and the pauses between them. */
  total_timeout_seconds?: number;
  allow_failure?: boolean;
  trigger_rule?: string;
  /** By name a simple type or a JSON Schema: what the output must hold. */
  outputs?: JsonObject;
  /** A condition (CEL); when it is false the node is SKIPPED. */
  when?: string;
  /**
   * `{items, max_parallelism, on_item_failure}`: runs the node once per item of a list, with `{{ item }}` and
   * `{{ index }}`; `on_item_failure` is `fail`, `fail_fast` or `continue`.
   */
  for_each?: JsonObject;
  priority?: number;
}

export class EdgeDto {
  from!: string;
  to!: string;
}

export class DefinitionDto {
  /** Unique within the project, or among the pipelines without one. */
  name!: string;
  description?: string;
  nodes!: NodeDto[];
  edges?: EdgeDto[];
  /** `{max_parallelism, max_active_runs, retry_policy, timeout_seconds}` */
  config?: JsonObject;
  /** Ids of nodes that execute when the others have ended and the run has failed; SKIPPED otherwise. */
  on_failure?: string[];
  /** Ids of nodes that execute when all others have ended, however they did, also after a cancel. */
  finally?: string[];
  /** JSON Schema of the params of a run; its defaults are filled in. */
  params_schema?: JsonObject;
  /** What a run that ended SUCCESS hands on, by name; values may hold templates over its nodes. */
  outputs?: JsonObject;
}

export class CreatePipelineDto extends DefinitionDto {
  /** The project it belongs to; without one every project may run it. */
  project_id?: string;
}

/** Absent fields stay as they are; the result is checked as a whole. */
export class UpdatePipelineDto {
  name?: string;
  description?: string;
  nodes?: NodeDto[];
  edges?: EdgeDto[];
  config?: JsonObject;
  on_failure?: string[];
  finally?: string[];
  params_schema?: JsonObject;
  outputs?: JsonObject;
}

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

export class DagNodeDto {
  id!: string;
  name!: string;
  type!: string;
  /** Edges on the longest way from a root. */
  depth!: number;
  /** Index into `layers`. */
  layer!: number;
  /** `main`; or `on_failure`, `finally`, which execute after all that stand before them. */
  stage!: string;
  /** Whether it runs once per item of a list. */
  mapped!: boolean;
}

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
  old!: unknown;
  /** Null when it was removed. */
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
