import {
  EMAIL_PATTERN,
  ITEM_FAILURE_POLICIES,
  MAX_EMAILS,
  MAX_ITEMS,
  MAX_NODES,
  MAX_RUN_SECONDS,
  MAX_SLA_SECONDS,
  MAX_WEBHOOKS,
  NAME_PATTERN,
  OUTPUT_TYPES,
  TAG_PATTERN,
  TRIGGER_RULES,
} from '@tauro/domain';

const WEEK = 7 * 24 * 3600;
const YEAR = 366 * 24 * 3600;
const name = { type: 'string', pattern: NAME_PATTERN.source };
const text = { type: 'string', maxLength: 4096 };
const timeout = {
  description: 'Bound of one attempt, in seconds.',
  type: 'number',
  exclusiveMinimum: 0,
  maximum: WEEK,
};

const errorTypes = (description: string): object => ({
  description,
  type: 'array',
  maxItems: 100,
  items: { type: 'string', minLength: 1, maxLength: 200 },
});

const retryPolicy = {
  type: 'object',
  description:
    "How a failed attempt is repeated. What a node leaves out is taken from its pipeline's policy.",
  additionalProperties: false,
  properties: {
    max_attempts: { description: 'Counts the first attempt.', type: 'integer', minimum: 1, maximum: 1000 },
    backoff_seconds: {
      description: 'Delay before the second attempt.',
      type: 'number',
      minimum: 0,
      maximum: WEEK,
    },
    backoff: { enum: ['fixed', 'linear', 'exponential'], default: 'exponential' },
    max_backoff_seconds: { type: 'number', minimum: 0, maximum: WEEK },
    jitter: { description: 'Spread the delay over 50..100 % of itself.', type: 'boolean' },
    retry_on: errorTypes(
      'Values of `error.type` that are repeated, such as `Timeout`; no other is. Without it the error decides.',
    ),
    abort_on: errorTypes('Values of `error.type` that are never repeated, whatever `retry_on` says.'),
  },
};

const forEach = {
  type: 'object',
  description:
    'Runs the node once per item, with `{{ item }}` and `{{ index }}` in its templates and its `when`.',
  additionalProperties: false,
  required: ['items'],
  properties: {
    items: {
      description: 'A list, or a template that gives one, such as `{{ nodes.list.output.items }}`.',
      anyOf: [
        { type: 'array', maxItems: MAX_ITEMS },
        { type: 'string', minLength: 1 },
      ],
    },
    max_parallelism: {
      description: 'Most items at once; no limit of its own when absent.',
      type: 'integer',
      minimum: 1,
      maximum: MAX_ITEMS,
    },
    on_item_failure: {
      description:
        'When an item fails for good: `fail` runs the others and then fails the node, `fail_fast` cancels the ' +
        'others, `continue` ends the node SUCCESS with the failures in its output.',
      enum: ITEM_FAILURE_POLICIES,
      default: 'fail',
    },
  },
};

const cache = {
  type: 'object',
  description:
    'Takes the result from the cache when one was made of the same config and inputs. For source, processor, ' +
    'task and http nodes; with `for_each` for each item.',
  additionalProperties: false,
  required: ['ttl_seconds'],
  properties: {
    key: {
      description:
        'What must be the same beside config, tables and files, such as `{{ params.day }}`. Without it that is all ' +
        'the node could see: params and outputs upstream too.',
      type: 'string',
      minLength: 1,
      maxLength: 2000,
    },
    ttl_seconds: {
      description: 'How old a result may be.',
      type: 'number',
      exclusiveMinimum: 0,
      maximum: YEAR,
    },
  },
};

const address = { type: 'string', pattern: EMAIL_PATTERN.source };
const webhook = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  properties: {
    url: { type: 'string', minLength: 1, maxLength: 2000 },
    // Known here only to be refused with a reason.
    secret: {
      description:
        "Not in a definition, which may be read: keep it in the project's notifications, for the same URL.",
    },
  },
};

const notifications = {
  type: 'object',
  description:
    'Who is told how runs end, beside those whom the project names. A webhook that the project names too is signed with its secret.',
  additionalProperties: false,
  properties: {
    on_success: { description: 'Tell of runs that ended SUCCESS.', type: 'boolean', default: false },
    on_failure: { description: 'Tell of runs that ended FAILED.', type: 'boolean', default: true },
    on_sla_miss: {
      description: 'Tell of runs that are late; true when `sla_seconds` is there.',
      type: 'boolean',
    },
    sla_seconds: {
      description: 'A run is late that has not ended so many seconds after its slot, or after its start.',
      type: 'number',
      exclusiveMinimum: 0,
      maximum: MAX_SLA_SECONDS,
    },
    email: { anyOf: [address, { type: 'array', maxItems: MAX_EMAILS, items: address }] },
    webhook: { anyOf: [webhook, { type: 'array', maxItems: MAX_WEBHOOKS, items: webhook }] },
  },
};

const node = {
  type: 'object',
  description: 'One step; `config` is checked against the schema of its `type`.',
  additionalProperties: false,
  required: ['id', 'type'],
  properties: {
    id: { type: 'string', minLength: 1, maxLength: 1000 },
    type: { type: 'string', minLength: 1, maxLength: 1000 },
    config: { type: 'object' },
    name: text,
    description: text,
    depends_on: {
      description: 'Upstream node ids: the same as an edge from each of them to this node.',
      type: 'array',
      items: { type: 'string' },
    },
    retry_policy: retryPolicy,
    timeout_seconds: timeout,
    total_timeout_seconds: {
      ...timeout,
      description:
        'Bound of all attempts and the pauses between them, from the start of the first, in seconds.',
    },
    allow_failure: { description: 'A failure of this node does not fail the run.', type: 'boolean' },
    trigger_rule: { enum: TRIGGER_RULES, default: 'all_success' },
    when: {
      description: 'A condition (CEL) such as `params.mode == "full"`; when it is false the node is SKIPPED.',
      type: 'string',
      minLength: 1,
      maxLength: 2000,
    },
    outputs: {
      description:
        'What the output must hold: by name a simple type or a JSON Schema. Another output fails the task.',
      type: 'object',
      maxProperties: 100,
      additionalProperties: { anyOf: [{ enum: OUTPUT_TYPES }, { type: 'object' }] },
    },
    for_each: forEach,
    cache,
    priority: {
      description: 'Higher first among the ready tasks.',
      type: 'integer',
      minimum: -100,
      maximum: 100,
    },
    pool: { description: 'The pool whose slots its task takes.', ...name },
    pool_slots: {
      description: 'How many slots of the pool it takes; all of them when the pool has fewer.',
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 1,
    },
    requires: {
      description: 'Tags that a worker must offer (WORKER_TAGS), all of them, to execute it.',
      type: 'array',
      items: { type: 'string', pattern: TAG_PATTERN.source },
      uniqueItems: true,
      maxItems: 10,
    },
  },
};

/** JSON Schema of a pipeline definition, for OpenAPI too. What it cannot say is in `validateDefinition`. */
export const PIPELINE_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'nodes'],
  properties: {
    name: { description: 'Unique within its project, or among the pipelines without one.', ...name },
    description: text,
    nodes: { type: 'array', items: node, description: `1 to ${MAX_NODES} nodes.` },
    edges: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['from', 'to'],
        properties: { from: { type: 'string' }, to: { type: 'string' } },
      },
    },
    config: {
      type: 'object',
      additionalProperties: false,
      properties: {
        max_parallelism: {
          description: 'Most tasks of one run at once; no limit when absent.',
          type: 'integer',
          minimum: 1,
          maximum: MAX_NODES,
        },
        max_active_runs: {
          description: 'Most runs of the pipeline that are under way at once; further ones queue.',
          type: 'integer',
          minimum: 1,
          maximum: 100_000,
        },
        retry_policy: retryPolicy,
        timeout_seconds: timeout,
        run_timeout_seconds: {
          ...timeout,
          description:
            'Bound of a whole run from its first task on, in seconds; a run may be created with another one.',
          maximum: MAX_RUN_SECONDS,
        },
        notifications,
      },
    },
    on_failure: {
      description: 'Nodes that execute when the others have ended and the run has failed; SKIPPED otherwise.',
      type: 'array',
      items: { type: 'string' },
    },
    finally: {
      description: 'Nodes that execute when all others have ended, however they did, also after a cancel.',
      type: 'array',
      items: { type: 'string' },
    },
    params_schema: {
      description: 'JSON Schema (2020-12) of the params of a run; its defaults are filled in.',
      type: 'object',
    },
    outputs: {
      description:
        'What a run that ended SUCCESS hands on: by name any value, with templates over its nodes.',
      type: 'object',
      maxProperties: 100,
      propertyNames: { pattern: NAME_PATTERN.source },
    },
  },
} as const;
