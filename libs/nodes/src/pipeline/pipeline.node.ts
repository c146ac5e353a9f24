import { idPattern, type JsonObject, NAME_PATTERN } from '@tauro/domain';
import { type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';

const REFERENCE = new RegExp(`${idPattern('pipe').source}|${NAME_PATTERN.source}`);

/** Runs another pipeline and waits for it, without holding a slot. */
export const pipelineNode: NodeKind = {
  type: 'pipeline',
  summary: 'Runs another pipeline and ends as that run does, without holding a worker meanwhile.',
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['pipeline_id'],
    properties: {
      pipeline_id: {
        description:
          "Id or name of the pipeline, or a template that gives it; a name is looked up in the run's project first.",
        type: 'string',
        pattern: REFERENCE.source,
      },
      params: {
        description: 'Params of its run; templates are filled in. They must fit its `params_schema`.',
        type: 'object',
      },
    },
  },
  timed: false,

  execute({ config }: NodeContext): Promise<NodeResult> {
    const { pipeline_id, params = {} } = config as { pipeline_id: string; params?: JsonObject };
    return Promise.resolve({ sub_run: { pipeline_id, params }, output: null });
  },
};
