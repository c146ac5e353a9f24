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
  required: ['command'],
  properties: {
    command: {
      description:
        'The program and its arguments, one entry each, such as ["python3", "etl.py", "{{ params.day }}"]. ' +
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
    success_codes: { description: 'Exit codes that mean success; [0] when absent.', ...exitCodes },
    retry_codes: {
      description: 'The only exit codes after which another attempt is made; any when absent.',
      ...exitCodes,
    },
  },
} as const;
