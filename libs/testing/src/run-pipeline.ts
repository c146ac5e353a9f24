import { buildGraph, type JsonObject, type PipelineDefinition, renderConfig } from '@tauro/domain';
import { resolveParams, validateDefinition } from '@tauro/nodes';
import { registeredPipelines, type RunInfo } from '@tauro/sdk';
import { type NodeGiven, type PipelineRun } from './pipeline-run.js';
import { PipelineRunner } from './pipeline-runner.js';
import { unsupported } from './supported.js';
import { runOf, Workbench } from './workbench.js';

export interface RunPipelineOptions {
  params?: JsonObject;
  /** By the ids of nodes that are not to be executed: what they leave instead. */
  given?: Record<string, NodeGiven>;
  /** Files for sources, by their paths. They lie in a folder of the test's own, which sinks write into as well. */
  files?: Record<string, string | Uint8Array>;
  /** A folder for files instead, which stays. */
  folder?: string;
  run?: Partial<RunInfo>;
  /** What templates may name, as `{{ variables.x }}` and so on. */
  variables?: JsonObject;
  config?: JsonObject;
  secrets?: Record<string, string>;
  env?: Record<string, string>;
  signal?: AbortSignal;
}

/**
 * Runs a whole pipeline in this process, one node after the other: sources, processors and sinks by the engine that a worker
 * uses, tasks by the handlers that were imported. Needs no store. See docs/handlers.md for what it leaves out.
 * @param pipeline its definition, or the name of one that an imported file declares
 * @throws Error when the definition or the params have faults, or need what cannot be done here; never for a failed node
 */
export async function runPipeline(
  pipeline: string | object,
  options: RunPipelineOptions = {},
): Promise<PipelineRun> {
  const definition = await definitionOf(pipeline);
  const graph = buildGraph(definition);
  const { given = {}, files = {}, folder, signal = new AbortController().signal } = options;
  refuse('runPipeline cannot do this', unsupported(definition, graph, new Set(Object.keys(given))));
  const params = resolveParams(definition, options.params ?? {});
  return Workbench.with(async (bench) => {
    if (folder !== undefined) bench.useFolder(folder);
    for (const [path, content] of Object.entries(files)) await bench.file(path, content);
    const { variables = {}, config, secrets = {}, env = {} } = options;
    const run = runOf({ pipeline_name: definition.name, ...options.run });
    const runner = new PipelineRunner(definition, graph, bench, signal, {
      params,
      run,
      variables,
      secrets,
      env,
      ...(config && { config }),
    });
    for (const [id, what] of Object.entries(given)) await runner.give(id, what);
    await runner.run();
    const { error } = runner;
    const nodes = runner.results;
    const outputs =
      error === null && definition.outputs ? rendered(definition.outputs, { params, run, nodes }) : null;
    return {
      state: error === null ? 'SUCCESS' : 'FAILED',
      error,
      outputs,
      nodes,
      files: folder === undefined ? await bench.texts() : {},
    };
  });
}

/** @throws Error that lists the faults of the definition */
async function definitionOf(pipeline: string | object): Promise<PipelineDefinition> {
  const known = registeredPipelines();
  const definition =
    typeof pipeline === 'string' ? known.findLast(({ name }) => name === pipeline) : pipeline;
  if (!definition) {
    const names = known.map(({ name }) => name).join(', ') || 'none';
    throw new Error(
      `there is no pipeline '${String(pipeline)}' (there are: ${names}); import the file that declares it`,
    );
  }
  const { errors } = await validateDefinition(definition);
  refuse(
    'the definition has faults',
    errors.map(({ field, message }) => `${field}: ${message}`),
  );
  return definition as PipelineDefinition;
}

const rendered = (outputs: JsonObject, scope: object): JsonObject =>
  renderConfig(outputs, scope, { at: 'outputs' }) as JsonObject;

function refuse(what: string, why: readonly string[]): void {
  if (why.length > 0) throw new Error(`${what}:\n${why.map((line) => `  ${line}`).join('\n')}`);
}
