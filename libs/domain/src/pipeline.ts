import { type NotificationSettings } from './notifications.js';

/** A JSON value: what may travel in params, outputs and definitions. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Names of projects and pipelines, and node ids: `^[A-Za-z_][A-Za-z0-9_-]{0,62}$`. */
export const NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/;
/** Tags that workers offer and nodes require. */
export const TAG_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;
export const MAX_NODES = 10_000;
/** The longest a run may be allowed to take: a year. */
export const MAX_RUN_SECONDS = 31_536_000;

/**
 * How a failed attempt is repeated. `max_attempts` counts the first attempt. Each field that a node leaves out is
 * taken from the policy of its pipeline, then from the deployment's defaults.
 */
export interface RetryPolicy {
  max_attempts?: number;
  /** Delay before the second attempt, in seconds; 0 is allowed. */
  backoff_seconds?: number;
  /** `exponential` (default) doubles per attempt, `linear` adds, `fixed` stays. */
  backoff?: 'fixed' | 'linear' | 'exponential';
  max_backoff_seconds?: number;
  /** Spread the delay over 50..100 % of itself so that failures do not return in step. */
  jitter?: boolean;
  /** Types of errors (`error.type`) that are repeated; no other is. Also one that is final by itself. */
  retry_on?: string[];
  /** Types of errors that are never repeated, whatever `retry_on` says. */
  abort_on?: string[];
}

export const TRIGGER_RULES = [
  'all_success',
  'all_done',
  'one_success',
  'one_failed',
  'none_failed',
  'always',
] as const;
export type TriggerRule = (typeof TRIGGER_RULES)[number];

/** A simple type, `any`, or a JSON Schema. */
export type OutputType = (typeof OUTPUT_TYPES)[number] | JsonObject;
export const OUTPUT_TYPES = [
  'string',
  'number',
  'integer',
  'boolean',
  'object',
  'array',
  'null',
  'any',
] as const;

/** What becomes of a mapped node when one of its items fails for good. */
export const ITEM_FAILURE_POLICIES = ['fail', 'fail_fast', 'continue'] as const;
export type ItemFailurePolicy = (typeof ITEM_FAILURE_POLICIES)[number];

/** Runs a node once per item of a list, with `{{ item }}` and `{{ index }}` in its templates and condition. */
export interface ForEach {
  /** The list, or a template that gives one: a param, or what a node upstream has left. */
  items: Json[] | string;
  /** Most items at once; no limit of its own when absent. */
  max_parallelism?: number;
  /**
   * `fail` (default): the other items still run, then the node FAILED. `fail_fast`: what has not ended is
   * cancelled. `continue`: the node ends SUCCESS and its output lists the failures.
   */
  on_item_failure?: ItemFailurePolicy;
}

/** Lets a node take a result that was made of the same config and inputs, when it is young enough. */
export interface NodeCacheOption {
  /**
   * What must be the same beside config, tables and files; may hold templates. Without it that is all the node could
   * see, params and outputs upstream included.
   */
  key?: string;
  /** How old a result may be, in seconds. */
  ttl_seconds: number;
}

/** One step of a pipeline. `config` is checked against the schema of its `type`. */
export interface NodeDefinition {
  id: string;
  type: string;
  config?: JsonObject;
  name?: string;
  description?: string;
  /** Upstream node ids: the same as an edge from each of them to this node. */
  depends_on?: string[];
  retry_policy?: RetryPolicy;
  /** Bound of one attempt, in seconds. */
  timeout_seconds?: number;
  /** Bound of all attempts and the pauses between them, in seconds from the start of the first. */
  total_timeout_seconds?: number;
  /** A failure of this node neither fails the run nor stops what comes after it. */
  allow_failure?: boolean;
  trigger_rule?: TriggerRule;
  /** A condition (CEL) over `params`, `run` and upstream `nodes`; when it is false the node is SKIPPED. */
  when?: string;
  /** What the output must hold, by name; an output that does not fails the task. */
  outputs?: Record<string, OutputType>;
  for_each?: ForEach;
  cache?: NodeCacheOption;
  /** -100..100, higher first among the ready tasks of a run. */
  priority?: number;
  /** The pool whose slots it takes while a worker has it, and how many; 1 when absent. */
  pool?: string;
  pool_slots?: number;
  /** Tags a worker must offer, all of them, to execute it. */
  requires?: string[];
}

export interface EdgeDefinition {
  from: string;
  to: string;
}

export interface PipelineConfig {
  /** Most tasks of one run that are in the workers' hands at once; no limit when absent. */
  max_parallelism?: number;
  /** Most runs of the pipeline that are under way at once; further ones queue. */
  max_active_runs?: number;
  retry_policy?: RetryPolicy;
  /** Default bound of one attempt of every node, in seconds. */
  timeout_seconds?: number;
  /** Bound of a whole run from its first task on, in seconds; a run may be created with another one. */
  run_timeout_seconds?: number;
  /** Who is told how its runs end; without secrets, because definitions may be read. */
  notifications?: NotificationSettings;
}

/** What a pipeline version pins: intent, and nothing that changes while a run goes on. */
export interface PipelineDefinition {
  name: string;
  description?: string;
  nodes: NodeDefinition[];
  edges?: EdgeDefinition[];
  config?: PipelineConfig;
  /** Ids of nodes that execute when the others have ended and the run has failed; SKIPPED otherwise. */
  on_failure?: string[];
  /** Ids of nodes that execute when all others have ended, however they did. */
  finally?: string[];
  /** JSON Schema of the params of a run. */
  params_schema?: JsonObject;
  /** What a run that succeeded hands on, by name: values that may hold templates over `nodes`, `params`, `run`. */
  outputs?: JsonObject;
}
