import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorDetail, type Json, type JsonObject, type NodeDefinition } from '@tauro/domain';
import { MAKES_TABLE, NodeError, type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';

const EXECUTORS = ['subprocess', 'local'];
const ONLY_PROCESSES =
  "a handler always runs in a process of its own ('subprocess'), because a thread can neither be bounded nor stopped; " +
  'use a command node for containers and other programs';

/** Calls a registered TypeScript handler, in a process beside the worker. */
export const taskNode: NodeKind = {
  type: 'task',
  readsTables: true,
  cacheable: true,
  secrets: true,
  summary: 'Runs a TypeScript handler that was registered with @Task.',
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['handler'],
    properties: {
      handler: {
        description: "The handler's name, as its @Task says.",
        type: 'string',
        minLength: 1,
        maxLength: 200,
      },
      input: { description: "Any JSON; the handler gets it as 'input', with its templates rendered." },
      table: {
        description: 'The handler writes the table of this node with `tables.write`, for the nodes after it.',
        const: true,
      },
      executor: {
        description:
          'Where the handler runs: `subprocess`, which is a process beside the worker, or `local`, which means the same.',
        type: 'string',
      },
    },
  },

  check({ config = {}, for_each }: NodeDefinition): ErrorDetail[] {
    const fault = (field: string, message: string): ErrorDetail[] => [
      { field, message, type: 'value_error' },
    ];
    const { table, executor } = config;
    return [
      ...(table !== undefined && for_each
        ? fault('config.table', `a task with for_each cannot have a table: ${MAKES_TABLE}`)
        : []),
      ...(executor !== undefined && !EXECUTORS.includes(String(executor))
        ? fault('config.executor', `${JSON.stringify(executor)} is none: ${ONLY_PROCESSES}`)
        : []),
    ];
  },

  async execute(context: NodeContext): Promise<NodeResult> {
    const { handler, input = {}, table } = context.config as { handler: string; input?: Json; table?: true };
    if (table) return withTable(handler, input, context);
    return { output: (await context.handlers.run(handler, input, context)).output };
  },
};

/**
 * The rows go to a scratch file of this attempt, which is made a table where DuckDB may run: a handler that breaks off or
 * dies leaves no table, and none of the memory of its process is needed for it.
 */
async function withTable(handler: string, input: Json, context: NodeContext): Promise<NodeResult> {
  const { settings, task, signal } = context;
  const { tempDirectory } = settings.duckdb;
  const path = join(tempDirectory, `task-${task.claim_id}.ndjson`);
  await mkdir(tempDirectory, { recursive: true });
  try {
    const { output, columns } = await context.handlers.run(handler, input, context, path);
    signal.throwIfAborted();
    if (!columns) {
      const message = `its config says 'table: true', but the handler '${handler}' has written none with tables.write`;
      throw new NodeError('InvalidOutput', message, false);
    }
    const shown = `the rows of '${handler}'`;
    const made = await context.adoptTable({ path, shown, format: 'ndjson', columns });
    return { ...made, output: { ...(output !== null && { value: output }), ...(made.output as JsonObject) } };
  } finally {
    await rm(path, { force: true });
  }
}
