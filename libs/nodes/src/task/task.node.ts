import { type Json } from '@tauro/domain';
import { type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';

/** Calls a registered TypeScript handler, in a process beside the worker. */
export const taskNode: NodeKind = {
  type: 'task',
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
      executor: {
        description: 'Where the handler runs; `local` is a process beside the worker.',
        enum: ['local'],
      },
    },
  },

  async execute(context: NodeContext): Promise<NodeResult> {
    const { handler, input = {} } = context.config as { handler: string; input?: Json };
    return { output: await context.handlers.run(handler, input, context) };
  },
};
