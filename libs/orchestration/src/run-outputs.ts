import { type Failure, type Run } from '@tauro/database';
import {
  type Json,
  type JsonObject,
  type PipelineDefinition,
  renderConfig,
  type TaskState,
  TemplateError,
  templatesIn,
} from '@tauro/domain';

/** Most that a run hands on, as JSON. */
const MAX_BYTES = 65_536;

/** The ids of the nodes whose outputs a pipeline's `outputs` look at. */
export const nodesInOutputs = ({ outputs = {} }: PipelineDefinition): string[] => [
  ...new Set(templatesIn(outputs).flatMap(({ names }) => (names[0] === 'nodes' ? [String(names[1])] : []))),
];

/**
 * What a run that succeeded hands on: its pipeline's `outputs` with every template filled in.
 * @returns the outputs, or why there are none: a run that owes what it cannot give has failed.
 */
export function outputsOf(
  { outputs }: PipelineDefinition,
  run: Run,
  nodes: Record<string, { state: TaskState; output: Json }>,
): { outputs: JsonObject | null } | { failure: Failure } {
  if (outputs === undefined) return { outputs: null };
  const { _id: id, project_id, pipeline_id, pipeline_name, params } = run;
  const created_at = run.created_at.toISOString();
  try {
    const scope = { params, run: { id, project_id, pipeline_id, pipeline_name, created_at }, nodes };
    const rendered = renderConfig(outputs, scope, { at: 'outputs' }) as JsonObject;
    const bytes = Buffer.byteLength(JSON.stringify(rendered));
    if (bytes <= MAX_BYTES) return { outputs: rendered };
    const message = `the outputs of the run have ${bytes} bytes, ${MAX_BYTES} are allowed`;
    return { failure: { type: 'OutputTooLarge', message } };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return { failure: { type: 'TemplateError', message: error.message } };
  }
}
