const scalar = { type: ['string', 'number', 'boolean'] };
const exitCodes = {
  type: 'array',
  items: { type: 'integer', minimum: 0, maximum: 255 },
  minItems: 1,
  maxItems: 256,
};

/** Config of a `command` node. Templates may stand in every string. */
export const COMMAND_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    command: {
      description:
        'Required without an image, whose own it replaces. The program and its arguments, one entry each, such as ["python3", "etl.py", "{{ params.day }}"]. ' +
        'There is no shell: nothing in them is expanded, split or redirected.',
      type: 'array',
      items: scalar,
      minItems: 1,
      maxItems: 1000,
    },
    env: {
      description: 'Variables of its environment, beside PATH, LANG and TZ. The only place for secrets.',
      type: 'object',
      additionalProperties: scalar,
      maxProperties: 200,
    },
    cwd: {
      description: 'Its working folder, under DATA_ROOTS; an empty one of its own when absent.',
      type: 'string',
      minLength: 1,
      maxLength: 4096,
    },
    input: { description: 'Any JSON; the program finds it in the file that TAURO_INPUT names.' },
    table: {
      description:
        'The file that it leaves as the table of this node (csv, json, ndjson or parquet), from its working folder; ' +
        'or true when it says by TAURO_OUTPUT which file that is.',
      anyOf: [{ const: true }, { type: 'string', minLength: 1, maxLength: 4096 }],
    },
    image: {
      description:
        'Run it in a container of this image, where CONTAINERS_ENABLED and CONTAINER_IMAGES let it.',
      type: 'string',
      minLength: 1,
      maxLength: 512,
    },
    executor: {
      description:
        'Where its container runs: `container` (when absent) on the engine of the worker, `kubernetes` as a Job, where ' +
        'KUBERNETES_ENABLED and CONTAINER_IMAGES let it.',
      enum: ['container', 'kubernetes'],
    },
    namespace: {
      description: 'Namespace of the Job, one of KUBERNETES_NAMESPACES; the first of them when absent.',
      type: 'string',
      minLength: 1,
      maxLength: 63,
    },
    pull: {
      description: 'When the image is fetched; `missing` when absent.',
      enum: ['missing', 'always', 'never'],
    },
    cpu: {
      description: 'Processors of the container, such as 0.5; CONTAINER_CPUS when absent, and at most.',
      type: 'number',
      minimum: 0.01,
      maximum: 1024,
    },
    memory_mb: {
      description: 'Memory of the container; CONTAINER_MEMORY_MB when absent, and at most.',
      type: 'integer',
      minimum: 6,
      maximum: 16_777_216,
    },
    network: {
      description: 'Network of the container, one of CONTAINER_NETWORKS; `none` when absent.',
      type: 'string',
      minLength: 1,
      maxLength: 128,
    },
    success_codes: { description: 'Exit codes that mean success; [0] when absent.', ...exitCodes },
    retry_codes: {
      description: 'The only exit codes after which another attempt is made; any when absent.',
      ...exitCodes,
    },
  },
} as const;
